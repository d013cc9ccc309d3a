"""What every experiment has, whatever it trains: a name, a seed, how weights move, where it runs, and its stages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from lapel.training.merging import merged


class Part(BaseModel):
    """One part of a recipe: frozen, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Optimiser(Part):
    """How weights move. The defaults are the published ones of ASENet_V2: Adam, 1e-4, times 0.9 every 3 epochs.

    lr: of the head. backbone_lr: of the backbone; null: the same. weight_decay: 0 is plain Adam, else AdamW.
    slow_lr: of the parts that an earlier stage has trained, in systems of two stages; null: a tenth of `lr`.
    schedule: "step" multiplies by `decay` every `step_size` epochs; "cosine" falls to `eta_min` over the run;
        "constant". cosine_by: the cosine falls with every "step", or with every "epoch" as published.
    eta_min: the learning rate that the cosine ends at; of a group with a rate of its own, the same share of it.
    cosine_epochs: the cosine reaches its end after so many epochs, then rises for as many, and falls again, as
        CosineAnnealingLR does past its T_max; 0: at the end of the run.
    warmup: steps of linear rise. accumulate: steps whose gradients are averaged into one update.
    clip: greatest gradient norm (0: no clipping).
    """

    epochs: int = Field(default=50, ge=1)
    lr: float = Field(default=1e-4, gt=0)
    backbone_lr: float | None = Field(default=None, ge=0)
    slow_lr: float | None = Field(default=None, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["step", "cosine", "constant"] = "step"
    cosine_by: Literal["step", "epoch"] = "step"
    cosine_epochs: int = Field(default=0, ge=0)
    eta_min: float = Field(default=0.0, ge=0)
    step_size: int = Field(default=3, ge=1)
    decay: float = Field(default=0.9, gt=0, le=1)
    warmup: int = Field(default=0, ge=0)
    accumulate: int = Field(default=1, ge=1)
    clip: float = Field(default=0.0, ge=0)


class Running(Part):
    """Where and how it runs; nothing here changes what is learnt, except through rounding.

    device: auto, cpu, cuda or mps. precision: as Lightning Fabric names it; "16-mixed" scales the loss so that small
        gradients are not lost, and leaves out a step whose gradients overflow; it needs a GPU.
    threads: of PyTorch on CPU; 0: its own.
    checkpoint_seconds, checkpoint_steps: the last checkpoint is renewed after so much time or so many steps (0: off).
    log_every: steps between two lines of metrics.jsonl.
    """

    device: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = True
    threads: int = Field(default=0, ge=0)
    checkpoint_seconds: float = Field(default=300.0, ge=0)
    checkpoint_steps: int = Field(default=0, ge=0)
    log_every: int = Field(default=10, ge=1)


class AnyData(Part):
    """What the loop asks of a recipe's data. workers: threads that read ahead."""

    workers: int = Field(default=2, ge=1)


class AnyModel(Part):
    """What the loop asks of a recipe's model.

    freeze_batchnorm: batch norm of the backbone and head keeps its stored statistics while training.
    start: the checkpoint, or run folder, of an earlier stage, whose weights this run continues; what is taken of it is
        the system's to say. In the later stages of a chained recipe "last" (as published) and "best" mean the
        checkpoint of the stage before, and "fresh" a stage that continues nothing.
    """

    freeze_batchnorm: bool = False
    start: str = ""

    def after(self, named: Mapping[str, str]) -> Self:
        """The same with names of an earlier stage's checkpoints turned into their paths."""
        return self.model_copy(update={"start": named.get(self.start, self.start)})


class AnyEvaluation(Part):
    """What the loop asks of a recipe's evaluation. every: epochs between two of them."""

    every: int = Field(default=1, ge=1)


class Experiment(Part):
    """What the loop, the run folder and the chain of stages need of a recipe; a kind of recipe narrows the parts.

    stages: for an experiment of several runs, what each changes of the rest of this recipe; a run's last weights are
        where the next begins (`model.start`). Empty: one run, of the recipe as it stands.
    """

    name: str = ""
    trains: str = ""
    paper: str = ""
    seed: int = 1
    data: AnyData
    model: AnyModel
    optimiser: Optimiser = Optimiser()
    evaluation: AnyEvaluation = AnyEvaluation()
    running: Running = Running()
    stages: tuple[dict[str, Any], ...] = ()

    @property
    @abstractmethod
    def quick(self) -> Self:
        """The same recipe shrunk to two steps on CPU: does it run at all? Numbers mean nothing."""

    def _shrunk(self, parts: dict[str, Any]) -> Self:
        """A copy with these parts, and with what every quick run does: one epoch, on CPU, of each stage."""
        every: dict[str, Any] = {
            "optimiser": self.optimiser.model_copy(update={"epochs": 1, "warmup": 0, "accumulate": 1}),
            "running": self.running.model_copy(update={"device": "cpu", "precision": "32-true", "log_every": 1}),
        }
        shrunk = (self.stage(number).quick for number in range(1, len(self.stages) + 1))
        every["stages"] = tuple(one.model_dump(mode="json", exclude={"stages", "name"}) for one in shrunk)
        return self.model_copy(update=every | parts)

    def stage_content(self, number: int) -> dict[str, Any]:
        """The mapping of stage `number` (from 1): this recipe with that stage's changes, and where it starts."""
        content = merged(self.model_dump(mode="json", exclude={"stages"}), self.stages[number - 1])
        if number > 1 and not content["model"].get("start"):
            content["model"]["start"] = "last"
        if number < len(self.stages):
            content["name"] = f"{self.name}/stage-{number}"
        return content

    def stage(self, number: int) -> Self:
        """Stage `number` (from 1) as a recipe of its own."""
        return type(self).model_validate(self.stage_content(number))
