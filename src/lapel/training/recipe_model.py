"""The part of a recipe that says what is trained: the model, and the second branch of a system of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, model_validator

from lapel.schema import Crops, Preprocess
from lapel.training.experiment import AnyModel, Part
from lapel.training.merging import at_hand


class Local(Part):
    """The second branch of a system of two, which reads crops of the original photo where the first one looked.

    backbone, cut, weights: as in the model. options: further arguments of the branch's head. height, width: what it
    reads, in pixels. threshold: share of an attention map's range above which a position belongs to the region.
    beta: the global branch's share of the joint cosine. freeze: as in the model, of this branch's backbone.
    """

    backbone: str = "resnet34"
    cut: str | None = None
    weights: str = "packaged"
    options: dict[str, Any] = Field(default_factory=dict)
    height: int = Field(default=112, ge=16)
    width: int = Field(default=112, ge=16)
    threshold: float = Field(default=0.1, ge=0, lt=1)
    beta: float = Field(default=0.6, ge=0, le=1)
    freeze: int | Literal["all"] = 0

    @property
    def crops(self) -> Crops:
        """How regions are cut, as the card says it."""
        return Crops(self.threshold, self.height, self.width, self.beta)

    @property
    def architecture(self) -> dict[str, Any]:
        """What the card keeps of the branch."""
        return {"backbone": self.backbone, "cut": self.cut, "options": dict(self.options)}

    @property
    def quick(self) -> Local:
        """The same with tiny crops."""
        return self.model_copy(update={"height": 32, "width": 32, "weights": at_hand(self.weights)})

    @property
    def shallow(self) -> Local:
        """RPF's patch branch with two of its layers, where no weights ask for all twelve."""
        return self if self.weights != "random" else self.model_copy(update={"options": {"layers": 2, **self.options}})


class Model(AnyModel):
    """What is trained.

    system: triplet, csn, asen, asen_v2, asenpp or rpf. backbone, cut: as `lapel.models.backbones` names them.
    weights: where the backbone starts: "packaged", "random", or a file.
    dim: width of an embedding; 0 takes the system's own. options: further arguments of the system's head.
    look_dim: width of the whole-look embedding; 0 keeps every channel of the pooled map.
    centre: of resize "stretch", the share of each side that is read, from the middle (see `lapel.schema.Preprocess`);
        a training photo of which `sampling.augment.area` takes a part is read whole, except by systems of two branches.
    pixels: mean and deviation that photos are normalised with; "auto" takes what the backbone's weights were made with
        (0.5 for EfficientNet-Lite0, ImageNet's for the others).
    freeze: so many of the backbone's first stages stay as they are, batch norm included; "all" freezes it whole.
    local: the second branch of a system of two (asenpp, rpf); null: none, as in their first stage.
    tune: the trained model that is fine-tuned: a shipped model's name, a run folder or a .safetensors file. System,
        backbone, head and preprocessing are then its own, whatever stands here, and what it knows of attributes and
        values of the same name continues. "": none.
    teacher: the trained model whose neighbours this one is taught beside the labels (`loss.taught`), named as in
        `tune`; in the later stages of a chained recipe "best" and "last" are the stage before's. "": none.
    """

    system: Literal["triplet", "csn", "asen", "asen_v2", "asenpp", "rpf", "style", "style_v1"]
    backbone: str = "efficientnet_lite0"
    cut: str | None = None
    weights: str = "packaged"
    dim: int = Field(default=0, ge=0)
    options: dict[str, Any] = Field(default_factory=dict)
    look_dim: int = Field(default=256, ge=0)
    height: int = Field(default=224, ge=32)
    width: int = Field(default=224, ge=32)
    resize: Literal["crop", "stretch", "pad"] = "crop"
    centre: float = Field(default=1.0, gt=0, le=1)
    pixels: Literal["auto", "half", "imagenet"] = "auto"
    freeze: int | Literal["all"] = 0
    local: Local | None = None
    tune: str = ""
    teacher: str = ""

    def after(self, named: Mapping[str, str]) -> Model:
        """See `AnyModel.after`; the teacher, too, may be the stage before."""
        return super().after(named).model_copy(update={"teacher": named.get(self.teacher, self.teacher)})

    @model_validator(mode="after")
    def _reads_a_middle(self) -> Model:
        if self.centre != 1 and self.resize != "stretch":
            raise ValueError(f"model.centre goes with resize stretch; with '{self.resize}' it would say nothing")
        return self

    @property
    def preprocess(self) -> Preprocess:
        """How a photo becomes the input; "crop" cuts the centre out of it, as published."""
        crop = Preprocess(self.height, self.width, self.resize, max(self.height, self.width), centre=self.centre)
        half = self.pixels == "half" or (self.pixels == "auto" and self.backbone == "efficientnet_lite0")
        return replace(crop, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)) if half else crop
