"""The runner of learning-rate schedules: each recipe's rates, epoch by epoch, by the schedule that training runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.options import number, overrides
from lapel.training.experiment import Optimiser
from lapel.training.schedule import rate_factor

CSN_DECAY = 0.985
MOST = 10_000
"""More epochs than this are a tampered case."""

TREES: dict[str, dict[str, dict[str, Any]]] = {
    "asenpp": {
        "s1": {"epochs": 50, "step_size": 3, "decay": 0.9},
        "s2": {"epochs": 20, "step_size": 1, "decay": 0.9, "slow_lr": 1e-5},
    },
    "style_release": {"s1": {"epochs": 50, "step_size": 5, "schedule": "cosine", "cosine_by": "epoch"}},
    "style_v1": {"s1": {"epochs": 50, "step_size": 5, "decay": 0.9}},
}
"""What a repository's configuration of a stage says of the optimizer, the same for all data sets; the rate is 1e-4.
The style repositories' second stage is configured but cannot run."""

COSINE_END = 1e-7
"""Where the style repository's cosine ends; it is no option there."""

KINDS = {"StepLR": "step", "CosineAnnealingLR": "cosine"}


def schedules(case: Case) -> Arrays:
    """(epochs, groups) of each recipe."""
    common = overrides(case.facts)
    return {recipe["name"]: _rates(recipe, common | overrides(recipe)) for recipe in case["recipes"]}


def _rates(recipe: dict[str, Any], options: Mapping[str, Any]) -> NDArray[Any]:
    """Veit et al.'s CSN decays by 0.985 before every epoch, the first included; all others after every one."""
    kind = recipe["kind"]
    if kind == "csn":
        decay = recipe.get("decay_rate", CSN_DECAY)
        plan = Optimiser(lr=recipe["lr"] * decay, epochs=_epochs(recipe), step_size=1, decay=decay)
    elif kind == "asen":
        size, decay = recipe["step_size"], recipe["decay_rate"]
        plan = Optimiser(lr=recipe["lr"], epochs=_epochs(recipe), step_size=size, decay=decay)
    elif kind == "pp":
        plan = _configured(recipe, options)
    else:
        raise CaseError(f"recipe '{recipe['name']}' is of unknown kind '{kind}'")
    groups = [plan.lr] if plan.slow_lr is None else [plan.lr, plan.lr, plan.slow_lr]
    # A case may go on beyond what its configuration calls the run; the cosine's length is the configuration's.
    factors = [rate_factor(plan, epoch, 0, 1) for epoch in range(1, _epochs(recipe, plan.epochs) + 1)]
    return np.array([[rate * factor for rate in groups] for factor in factors])


def _epochs(recipe: Mapping[str, Any], default: int | None = None) -> int:
    epochs = recipe.get("epochs", default)
    if not isinstance(epochs, int) or isinstance(epochs, bool) or not 1 <= epochs <= MOST:
        raise CaseError(f"recipe '{recipe['name']}' has {epochs} epochs")
    return epochs


def _configured(recipe: Mapping[str, Any], options: Mapping[str, Any]) -> Optimiser:
    """By the configuration files that the recipe names, and what overrides them; the data set's own file says nothing
    of the optimizer. A rate, step or decay that the recipe itself states comes last, as for the other kinds.
    """
    stages = [str(name).rsplit("/", 1)[-1].removesuffix(".yaml") for name in recipe["config_files"]]
    tree = TREES.get(recipe["tree"], {})
    found = [stage for stage in stages if stage in tree]
    if len(found) != 1:
        raise CaseError(f"recipe '{recipe['name']}' names no stage of '{recipe['tree']}': {', '.join(stages)}")
    asked = dict(tree[found[0]])
    named = {"lr": "BASE_LR", "step_size": "STEP_SIZE", "decay": "DECAY_RATE", "epochs": "EPOCHS"}
    if "slow_lr" in asked:
        named["slow_lr"] = "BASE_LR_SLOW"
    for key, name in named.items():
        if f"SOLVER.{name}" in options:
            asked[key] = number(options, f"SOLVER.{name}", 0)
    if kind := options.get("SOLVER.TYPE"):
        if recipe["tree"] != "style_release" or kind not in KINDS:
            raise CaseError(f"recipe '{recipe['name']}': no schedule '{kind}' of '{recipe['tree']}'")
        asked["schedule"] = KINDS[kind]
    stated = {"lr": "lr", "slow_lr": "slow_lr", "step_size": "step_size", "decay": "decay_rate"}
    asked |= {ours: recipe[key] for ours, key in stated.items() if key in recipe}
    if asked.get("schedule") == "cosine":
        asked |= {"eta_min": COSINE_END, "cosine_epochs": asked["epochs"]}
    return Optimiser.model_validate(asked)
