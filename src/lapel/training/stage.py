"""Everything a run works with, made from its recipe: model, feed, objective, optimizer, processes.

What kind of data it is, how an epoch is scored and what is fitted at the end is the business of each kind of stage.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from lapel.errors import InputError
from lapel.schema import Card
from lapel.training.composed.recipe import ComposedRecipe
from lapel.training.experiment import Experiment, Running
from lapel.training.feeds import Feed
from lapel.training.recipe import Recipe

if TYPE_CHECKING:
    from lapel.training.plans import Say
    from lapel.training.run_folder import RunFolder


class Scored(NamedTuple):
    """An epoch's figures, in percent.

    figure: what the best epoch is chosen by. measure: "map" or "recall", the name of `mean` in metrics.jsonl.
    each: by attribute or category. record: what the card keeps.
    """

    figure: float
    measure: str
    mean: float
    each: Mapping[str, float]
    record: dict[str, Any]


@dataclass
class Stage(ABC):
    """What the loop works with. model, optimizer: the plain ones; objective: as Fabric wraps it, for the forward."""

    recipe: Experiment
    fabric: Fabric
    model: nn.Module
    card: Card
    feed: Feed
    objective: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    still: list[nn.Module]

    @abstractmethod
    def score(self) -> Scored:
        """The model as it is now, on the recipe's evaluation split."""

    @abstractmethod
    def finish(self, folder: RunFolder) -> None:
        """After the last epoch: whatever is fitted to the best weights, into best.safetensors; once."""


def start_processes(running: Running) -> Fabric:
    """One process, or those that torchrun started; each keeps its own batch norm statistics.

    Raises:
        InputError: the device is not there, or does not train in this precision.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    if running.threads:
        torch.set_num_threads(running.threads)
    cpu = running.device == "cpu" or (running.device == "auto" and not torch.accelerator.is_available())
    if running.precision == "16-mixed" and cpu:  # Fabric would take bfloat16 in its place
        raise InputError(
            "running.precision '16-mixed' needs a GPU, and this run is on the CPU. Take bfloat16 there: "
            "--set running.precision=bf16-mixed."
        )
    try:
        fabric = Fabric(
            accelerator=running.device,
            devices=local,
            num_nodes=world // local,
            precision=running.precision,
            strategy=DDPStrategy(broadcast_buffers=False) if world > 1 else "auto",
        )
    except (RuntimeError, ValueError, TypeError) as error:
        asked = f"running.device is '{running.device}', {running.precision}, {local} processes"
        raise InputError(f"{asked}, which does not work here: {' '.join(str(error).split())}") from error
    fabric.launch()
    return fabric


def set_stage(recipe: Experiment, fabric: Fabric, say: Say, fresh: bool = True) -> Stage:
    """Build everything a run needs; nothing is written.

    Args:
        recipe: of one stage. fabric: as `start_processes` gives it. say: gets remarks.
        fresh: take the weights that `model.start` names; False: a checkpoint of this very run follows.

    Raises:
        LapelError: data, model or recipe do not fit together; see the parts.
    """
    # Both extend this file's Stage.
    if isinstance(recipe, ComposedRecipe):
        from lapel.training.composed.stage import set_composed

        return set_composed(recipe, fabric, say, fresh)
    from lapel.training.attributes import set_attributes

    assert isinstance(recipe, Recipe)
    return set_attributes(recipe, fabric, say, fresh)
