"""Where a run stands, and the two checkpoints that hold it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from lapel.errors import CheckpointError, TrainingError
from lapel.models import checkpoint
from lapel.training.optimiser import pack, unpack
from lapel.training.run_folder import RunFolder, writing
from lapel.training.stage import Stage

CRITERION = "criterion."
SCALER = "scaler"


@dataclass(frozen=True)
class Place:
    """epoch: from 1, the one under way. step: how many of its steps are done. best: highest valid MAP so far."""

    epoch: int = 1
    step: int = 0
    best: float = -1.0
    best_epoch: int = 0

    def on(self, **changes: Any) -> Place:
        """A later place."""
        return replace(self, **changes)


def save_last(stage: Stage, folder: RunFolder, place: Place) -> None:
    """Everything needed to go on from here: weights, optimizer, the loss's weights, float16's loss scale, the place.

    Random sources need no storing: each is made anew from (seed, epoch, step).

    Raises:
        TrainingError: a weight is not finite (the old checkpoint stays), or the disk refuses.
    """
    if not stage.fabric.is_global_zero:
        return
    refuse_broken(stage, folder, place)
    own = {f"{CRITERION}{name}": value for name, value in stage.criterion.state_dict().items()}
    info = asdict(place) | {SCALER: stage.fabric.strategy.precision.state_dict()}
    with writing(folder.last):
        checkpoint.save(folder.last, stage.model, stage.card, {**pack(stage.optimizer), **own}, info)


def save_best(stage: Stage, folder: RunFolder, place: Place) -> None:
    """The weights to use, with their card."""
    with writing(folder.best):
        checkpoint.save(folder.best, stage.model, stage.card, info=asdict(place))


def restore(stage: Stage, folder: RunFolder) -> Place:
    """Put the stage back to where `last` was saved; a run killed before its first checkpoint starts again.

    Raises:
        CheckpointError: the checkpoint is of another model.
    """
    if not folder.last.exists():
        return Place()
    loaded = checkpoint.read(folder.last)
    if loaded.card.vocabulary != stage.card.vocabulary:
        raise CheckpointError(
            f"{folder.last}: the run learnt {', '.join(loaded.card.vocabulary.names)}; the data now give "
            f"{', '.join(stage.card.vocabulary.names)}, or other values of these. Resume with the data of the start."
        )
    stage.model.load_state_dict(loaded.state)
    stage.card = stage.card.with_(pretrained=loaded.card.pretrained)  # it knows which earlier stage it continues
    unpack(stage.optimizer, loaded.extra)
    own = {n.removeprefix(CRITERION): v for n, v in loaded.extra.items() if n.startswith(CRITERION)}
    stage.criterion.load_state_dict(own)
    info = dict(loaded.info)
    if scale := info.pop(SCALER, None):
        stage.fabric.strategy.precision.load_state_dict(scale)
    return Place(**info)


def refuse_broken(stage: Stage, folder: RunFolder, place: Place, loss: float | None = None) -> None:
    """Stop at a loss, or at weights, that are no numbers: before they are saved.

    Raises:
        TrainingError: NaN or infinite.
    """
    if math.isfinite(loss) if loss is not None else _all_finite(stage):
        return
    what = "A weight is no longer a number" if loss is None else f"The loss is {loss}"
    kept = f"The last good checkpoint is '{folder.last}'." if folder.last.exists() else "No checkpoint was saved yet."
    raise TrainingError(
        f"{what} in epoch {place.epoch}, step {place.step}; the run stopped. {kept} Start again with a lower "
        f"learning rate (--set optimiser.lr={stage.recipe.optimiser.lr / 3:.0e}) or a longer warm-up "
        "(--set optimiser.warmup=500)."
    )


def _all_finite(stage: Stage) -> bool:
    return all(bool(torch.isfinite(weight).all()) for weight in stage.model.parameters())
