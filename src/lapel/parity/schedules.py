"""The runner of learning-rate schedules: each recipe's rates, epoch by epoch, by the schedule that training runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.parity.cases import Arrays, Case, CaseError
from lapel.training.experiment import Optimiser
from lapel.training.schedule import rate_factor

CSN_DECAY = 0.985
MOST = 10_000
"""More epochs than this are a tampered case."""

TREES: dict[str, dict[str, dict[str, Any]]] = {
    "asenpp": {"s1": {"step_size": 3, "decay": 0.9}, "s2": {"step_size": 1, "decay": 0.9, "slow_lr": 1e-5}},
    "style_release": {"s1": {"schedule": "cosine", "cosine_by": "epoch", "eta_min": 1e-7}},
    "style_v1": {"s1": {"step_size": 5, "decay": 0.9}},
}
"""What a repository's configuration of a stage says of the optimizer, the same for all data sets; the rate is 1e-4.
The style repositories' second stage is configured but cannot run."""


def schedules(case: Case) -> Arrays:
    """(epochs, groups) of each recipe."""
    return {recipe["name"]: _rates(recipe) for recipe in case["recipes"]}


def _rates(recipe: dict[str, Any]) -> NDArray[Any]:
    """Veit et al.'s CSN decays by 0.985 before every epoch, the first included; all others after every one."""
    epochs = recipe["epochs"]
    if not isinstance(epochs, int) or not 1 <= epochs <= MOST:
        raise CaseError(f"recipe '{recipe['name']}' has {epochs} epochs")
    if recipe["kind"] == "csn":
        start = recipe["lr"] * CSN_DECAY
        plan = Optimiser(lr=start, epochs=epochs, schedule="step", step_size=1, decay=CSN_DECAY)
    elif recipe["kind"] == "asen":
        size, decay = recipe["step_size"], recipe["decay_rate"]
        plan = Optimiser(lr=recipe["lr"], epochs=epochs, schedule="step", step_size=size, decay=decay)
    elif recipe["kind"] == "pp":
        plan = Optimiser(epochs=epochs, **_configured(recipe))
    else:
        raise CaseError(f"recipe '{recipe['name']}' is of unknown kind '{recipe['kind']}'")
    groups = [plan.lr] if plan.slow_lr is None else [plan.lr, plan.lr, plan.slow_lr]
    factors = [rate_factor(plan, epoch, 0, 1) for epoch in range(1, epochs + 1)]
    return np.array([[rate * factor for rate in groups] for factor in factors])


def _configured(recipe: dict[str, Any]) -> dict[str, Any]:
    """By the configuration files that the recipe names; the data set's own says nothing of the optimizer."""
    stages = [str(name).rsplit("/", 1)[-1].removesuffix(".yaml") for name in recipe["config_files"]]
    tree = TREES.get(recipe["tree"], {})
    found = [stage for stage in stages if stage in tree]
    if len(found) != 1:
        raise CaseError(f"recipe '{recipe['name']}' names no stage of '{recipe['tree']}': {', '.join(stages)}")
    return tree[found[0]]
