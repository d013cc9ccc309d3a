"""What one experiment of composed retrieval is; its parts stand in the order of other recipes'."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from lapel.training.experiment import AnyData, AnyEvaluation, AnyModel, Experiment, Part

Release = Literal["fashioniq", "shoes", "fashion200k", "cirr", "table"]
System = Literal["image", "text", "sum", "tirg", "combiner", "fashionern"]
COMPOSED: tuple[str, ...] = get_args(System)
"""Systems whose recipes are `ComposedRecipe`s."""

TINY = "tiny"
"""A CLIP of two thin layers with random weights: what `--quick` runs with."""


class ComposedData(AnyData):
    """Where the queries and pictures are.

    root: the folder that holds `path`, or the release itself. release: whose layout it has; "table" makes queries of
        any labelled table, by `attributes` (what takes part; one of them changes a query) and `each` (queries a photo
        at most).
    missing: "strict" refuses a set with missing pictures, "skip" leaves them and their queries out, and says so.
    limit: at most so many queries of each split (0: all), drawn by the seed; the gallery shrinks with them.
    """

    root: str = ""
    path: str
    release: Release
    attributes: tuple[str, ...] = ()
    each: int = Field(default=2, ge=1)
    missing: Literal["strict", "skip"] = "strict"
    limit: int = Field(default=0, ge=0)


class Enhancement(Part):
    """The enhanced text tower (TME). branches: inject, align, both. layers: which have branches; null: all."""

    branches: tuple[Literal["inject", "align"], ...] = ("inject", "align")
    layers: tuple[int, ...] | None = None


class ComposedModel(AnyModel):
    """What is trained, over which frozen CLIP.

    system: as `lapel.models.composed.systems` names it. options: further arguments of it.
    clip: an open_clip model name, or "tiny". weights: a pretrained tag of open_clip's that is on this machine, a file,
        or "random".
    numbers: how cached features are kept; "float16" halves the disk and rounds to 11 bits.
    text: "clip", or "tme", the enhanced text tower, by `tme`.
    learns: "system" trains the system over a text tower that stays; "text" trains the enhanced text tower, whose
        vector is then added to the picture's (system: sum).
    """

    system: System
    options: dict[str, Any] = Field(default_factory=dict)
    clip: str = "RN50x4"
    weights: str = "openai"
    numbers: Literal["float32", "float16"] = "float32"
    text: Literal["clip", "tme"] = "clip"
    tme: Enhancement = Enhancement()
    learns: Literal["system", "text"] = "system"

    @model_validator(mode="after")
    def _has_something_to_learn(self) -> Self:
        if self.learns == "text" and (self.text != "tme" or self.system != "sum"):
            raise ValueError("learns: text trains the enhanced text tower alone; it goes with text: tme, system: sum")
        if self.learns == "system" and self.system in ("image", "text", "sum"):
            raise ValueError(
                f"system '{self.system}' has nothing to learn; score it as it is: "
                f"lapel evaluate clip:{self.clip}:{self.weights}:{self.system} DATA"
            )
        return self


class ComposedSampling(Part):
    """What a training step sees.

    batch: queries a step, over *all* processes together; the last, smaller batch of an epoch is left out.
    captions: "augmented" draws both captions in either order, or one alone, a quarter each (FashionIQ, published);
        "joined" always takes both in their order. Sets with one caption a query take it as it is.
    same_order: every epoch goes through the queries in one order, as the published code does.
    gather: the other processes' targets are negatives too; off as published.
    at_once: so many rows' activations are in memory at a time: the others are computed again when gradients are due,
        which are the same; 0: all.
    steps: steps an epoch; 0: one pass over the queries.
    """

    batch: int = Field(default=1024, ge=2)
    captions: Literal["augmented", "joined"] = "augmented"
    same_order: bool = False
    gather: bool = False
    at_once: int = Field(default=0, ge=0)
    steps: int = Field(default=0, ge=0)


class ComposedLoss(Part):
    """What a system's step minimises; see `lapel.losses.composed`.

    kind: "query_target", as published; or "symmetric", "masked", "cyclip", "queue" (with the targets of steps before).
    scale: of the cosines before the softmax. queue: targets that "queue" keeps.
    align: weight of the text tower's alignment term (learns: text).
    """

    kind: Literal["query_target", "symmetric", "masked", "cyclip", "queue"] = "query_target"
    scale: float = Field(default=100.0, gt=0)
    queue: int = Field(default=4096, ge=0)
    align: float = Field(default=0.5, ge=0)


class ComposedScoring(AnyEvaluation):
    """How epochs are compared: by the headline of `protocol` on `split`.

    protocol: a name of `lapel.evaluation.composed.PROTOCOLS`, with changes after commas: "fashioniq,reference=removed".
    batch: queries, or pictures, a call.
    """

    split: str = "val"
    protocol: str = "fashioniq"
    batch: int = Field(default=256, ge=1)


class ComposedRecipe(Experiment):
    """An experiment of composed retrieval. `lapel.training.load_recipe` reads it from YAML."""

    data: ComposedData
    model: ComposedModel
    sampling: ComposedSampling = ComposedSampling()
    loss: ComposedLoss = ComposedLoss()
    evaluation: ComposedScoring = ComposedScoring()

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        if self.sampling.gather and self.loss.kind in ("symmetric", "cyclip"):
            raise ValueError(f"loss.kind '{self.loss.kind}' compares each batch with itself; turn sampling.gather off")
        return self

    @property
    def quick(self) -> Self:
        """The same recipe with two steps on CPU and a tiny random CLIP. Numbers mean nothing."""
        # Of several stages each says its own options: those of the whole would reach a stage of another system.
        inner = {"inner": 64} if self.model.system == "fashionern" and not self.stages else {}
        part: dict[str, Any] = {
            "data": self.data.model_copy(update={"limit": self.data.limit or 32, "workers": 1}),
            "model": self.model.model_copy(
                update={"clip": TINY, "weights": "random", "options": {**self.model.options, **inner}}
            ),
            "sampling": self.sampling.model_copy(update={"batch": 4, "steps": 2}),
            "evaluation": self.evaluation.model_copy(update={"batch": 8}),
        }
        return self._shrunk(part)
