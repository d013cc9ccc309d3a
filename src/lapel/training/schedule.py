"""Learning rates as a pure function of the place in the run, so that a resumed run needs no stored schedule."""

from __future__ import annotations

import math

from lapel.training.experiment import Optimiser


def rate_factor(optimiser: Optimiser, epoch: int, step: int, steps: int) -> float:
    """What the base learning rate is multiplied by.

    "step" (published; StepLR stepped after each epoch): decay ** floor((epoch - 1) / step_size).
    "cosine": half a cosine from 1 at the first step to `eta_min` / `lr` after the last; by epoch it is that of the
    epoch's number (CosineAnnealingLR stepped after each epoch). With `cosine_epochs` below the run's length it rises
    again, and falls again. Warm-up rises linearly to either.

    `epoch` counts from 1, `step` from 0 within the epoch; `steps` is the number of steps an epoch.
    """
    done = (epoch - 1) * steps + step
    rise = min(1.0, (done + 1) / (optimiser.warmup + 1))
    if optimiser.schedule == "step":
        return rise * float(optimiser.decay ** ((epoch - 1) // optimiser.step_size))
    if optimiser.schedule == "cosine":
        fall = optimiser.cosine_epochs or optimiser.epochs
        share = (epoch - 1) / fall if optimiser.cosine_by == "epoch" else done / (fall * steps)
        least = optimiser.eta_min / optimiser.lr
        return rise * (least + (1 - least) * 0.5 * (1 + math.cos(math.pi * share)))
    return rise
