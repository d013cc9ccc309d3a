"""What one experiment is, as typed, frozen data: data, model, sampling, loss, optimiser, evaluation, in that order."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from lapel.training.experiment import AnyData, AnyEvaluation, Experiment, Part
from lapel.training.merging import at_hand, startable
from lapel.training.recipe_learning import Augment, Contrast, Distortion, Loss, Sampling, StyleLoss
from lapel.training.recipe_model import Local, Model

__all__ = [
    "Augment", "Contrast", "Data", "DataSet", "Distortion", "Evaluation", "Local", "Loss", "Model", "Recipe",
    "Sampling", "StyleLoss",
]  # fmt: skip


class DataSet(Part):
    """One labelled table of several, and how its words become ours.

    path: a table or folder; relative to `data.root` when that is given.
    attributes: our attribute name -> the table's column. Empty: the table's own names.
    values: our attribute name -> {the table's value: our value, or null for "not known"}; others stay.
    release: the published release it is, a name of `lapel.datasets.RELEASES`. Empty: recognised by its layout.
    images: where a release's photos lie. Empty: where the release has them.
    tags: the columns list everything a photo shows, of which an attribute takes only the words that its `values` name:
        a word named as null, or two of our values in one photo, make that photo unknown.
    absent: our attribute name -> our value of a photo whose tags name none of the attribute's words; only where the
        tags are known to be complete.
    regions: our attribute name -> the classes, parted by blanks, of the set's masks that show it; the classes are the
        lines of `classes.txt` in the set's folder, in the order of the masks' numbers (`loss.region`).
    terms: the licence or terms of use of its photos, for the card. permissive: whether they allow any use.
    passes: how often an epoch goes through it, so that a small set is not lost among large ones ("batch" sampling).
    """

    path: str
    attributes: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    release: str = ""
    images: str = ""
    tags: bool = False
    absent: dict[str, str] = Field(default_factory=dict)
    regions: dict[str, str] = Field(default_factory=dict)
    terms: str = ""
    permissive: bool = False
    passes: int = Field(default=1, ge=1)


class Data(AnyData):
    """Where the photos and labels are.

    root: the folder the sets lie in, or, for a recipe of one set, that set's table or folder itself.
    use: "all" sets, or the "permissive" ones alone; an attribute that no set in use labels is not learnt then.
    attributes: what is learnt, in index order. Empty: every attribute of the table.
    short_side: the resized-image cache keeps photos at about this many pixels on the short side; 0: a little more
        than the model reads, or the originals where a local branch crops them, as published.
    in_memory: keep decoded photos in memory, up to `memory_gb`.
    unreadable: "raise" stops at a photo that cannot be read; "skip" leaves it out, and counts it.
    limit: at most so many photos of each split (0: all), drawn by the seed.
    hold_out: share of the photos that becomes the valid split, drawn by the seed, where a table has no splits (0: such
        a table is refused).
    """

    root: str = ""
    sets: tuple[DataSet, ...] = Field(min_length=1)
    use: Literal["all", "permissive"] = "all"
    attributes: tuple[str, ...] = ()
    short_side: int = Field(default=0, ge=0)
    in_memory: bool = True
    memory_gb: float = Field(default=2.0, ge=0)
    unreadable: Literal["raise", "skip"] = "raise"
    limit: int = Field(default=0, ge=0)
    hold_out: float = Field(default=0.0, ge=0, lt=1)

    @property
    def chosen(self) -> tuple[DataSet, ...]:
        """The sets in use, in the recipe's order."""
        return tuple(part for part in self.sets if part.permissive or self.use == "all")

    @model_validator(mode="after")
    def _uses_a_set(self) -> Data:
        if not self.chosen:
            raise ValueError("use is 'permissive', but no set of this recipe says permissive: true")
        return self


class Evaluation(AnyEvaluation):
    """How epochs are compared: by a figure of `protocol` on `split`, every so many epochs.

    best_by: "mean" of the attributes' figures, or "overall", the mean over all queries, as the published code does.
    """

    split: Literal["valid", "test"] = "valid"
    protocol: str = "each-against-rest"
    batch: int = Field(default=64, ge=1)
    best_by: Literal["mean", "overall"] = "mean"


class Recipe(Experiment):
    """An experiment with attributes. `lapel.training.load_recipe` reads it from YAML."""

    data: Data
    model: Model
    sampling: Sampling = Sampling()
    loss: Loss = Loss()
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _style_sees_classes(self) -> Recipe:
        if self.model.system.startswith("style") and self.sampling.mode != "triplets" and not self.stages:
            raise ValueError(
                f"model.system '{self.model.system}' learns from anchors that are drawn class by class; "
                "set sampling.mode to triplets"
            )
        return self

    @model_validator(mode="after")
    def _has_a_loss(self) -> Recipe:
        weights = (self.loss.in_batch_triplet, self.loss.proxy, self.loss.supcon)
        if self.sampling.mode == "batch" and not any(weights):
            raise ValueError(
                "sampling.mode is 'batch' but every loss has weight 0; set one of loss.in_batch_triplet, "
                "loss.proxy, loss.supcon above 0"
            )
        return self

    @model_validator(mode="after")
    def _caches_what_stays(self) -> Recipe:
        asked, model = self.sampling, self.model
        if asked.views is None:
            return self
        if asked.mode != "batch" or model.freeze != "all" or model.local is not None or asked.distortion is not None:
            raise ValueError(
                "sampling.views keeps the maps of a backbone that stays as it is: it goes with sampling.mode batch and "
                "model.freeze all, without model.local and sampling.distortion"
            )
        return self

    @model_validator(mode="after")
    def _can_be_guided(self) -> Recipe:
        asked, model = self.sampling, self.model
        guided = "model.teacher" if model.teacher else "loss.region" if self.loss.region else ""
        if guided and (asked.mode != "batch" or model.local is not None or asked.views is not None):
            raise ValueError(
                f"{guided} goes with sampling.mode batch, without model.local and sampling.views: it guides the photos "
                "of a batch"
            )
        if self.loss.region and asked.augment.jitter:
            raise ValueError("loss.region goes with sampling.augment.jitter 0: masks are changed as the photos are")
        return self

    @property
    def quick(self) -> Recipe:
        """The same recipe shrunk to two steps on CPU with tiny photos: does it run at all? Numbers mean nothing.

        A weights file that is not there is made up for by random weights; so few photos need not have a mask, so
        regions are left out.
        """
        local = self.model.local and self.model.local.quick
        local = local.shallow if local and self.model.system == "rpf" else local
        part: dict[str, Any] = {
            "data": self.data.model_copy(update={"limit": 64, "workers": 1, "short_side": 0}),
            "model": self.model.model_copy(
                update={
                    "height": 64,
                    "width": 64,
                    "look_dim": 8,
                    "weights": at_hand(self.model.weights),
                    "local": local,
                    "tune": self.model.tune if startable(self.model.tune) else "",
                    "teacher": self.model.teacher if startable(self.model.teacher) else "",
                }
            ),
            "sampling": self.sampling.model_copy(update={"batch": min(4, self.sampling.batch), "steps": 2}),
            "loss": self.loss.model_copy(update={"region": 0.0}),
            "evaluation": self.evaluation.model_copy(update={"batch": 8}),
        }
        return self._shrunk(part)
