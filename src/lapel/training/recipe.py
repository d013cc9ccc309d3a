"""What one experiment is, as typed, frozen data: data, model, sampling, loss, optimiser, evaluation, in that order."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lapel.schema import Crops, Preprocess
from lapel.training.experiment import AnyData, AnyEvaluation, AnyModel, Experiment, Part
from lapel.training.merging import at_hand


class DataSet(Part):
    """One labelled table of several, and how its words become ours.

    path: a table or folder; relative to `data.root` when that is given.
    attributes: our attribute name -> the table's column. Empty: the table's own names.
    values: our attribute name -> {the table's value: our value, or null for "not known"}; others stay.
    release: the published release it is, a name of `lapel.datasets.RELEASES`. Empty: recognised by its layout.
    images: where a release's photos lie. Empty: where the release has them.
    """

    path: str
    attributes: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    release: str = ""
    images: str = ""


class Data(AnyData):
    """Where the photos and labels are.

    root: the folder the sets lie in, or, for a recipe of one set, that set's table or folder itself.
    attributes: what is learnt, in index order. Empty: every attribute of the table.
    short_side: the resized-image cache keeps photos at about this many pixels on the short side; 0: a little more
        than the model reads, or the originals where a local branch crops them, as published.
    in_memory: keep decoded photos in memory, up to `memory_gb`.
    unreadable: "raise" stops at a photo that cannot be read; "skip" leaves it out, and counts it.
    limit: at most so many photos of each split (0: all), drawn by the seed.
    """

    root: str = ""
    sets: tuple[DataSet, ...] = Field(min_length=1)
    attributes: tuple[str, ...] = ()
    short_side: int = Field(default=0, ge=0)
    in_memory: bool = True
    memory_gb: float = Field(default=2.0, ge=0)
    unreadable: Literal["raise", "skip"] = "raise"
    limit: int = Field(default=0, ge=0)


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
    pixels: mean and deviation that photos are normalised with; "auto" takes what the backbone's weights were made with
        (0.5 for EfficientNet-Lite0, ImageNet's for the others).
    freeze: so many of the backbone's first stages stay as they are, batch norm included; "all" freezes it whole.
    local: the second branch of a system of two (asenpp, rpf); null: none, as in their first stage.
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
    pixels: Literal["auto", "half", "imagenet"] = "auto"
    freeze: int | Literal["all"] = 0
    local: Local | None = None

    @property
    def preprocess(self) -> Preprocess:
        """How a photo becomes the input; "crop" cuts the centre out of it, as published."""
        crop = Preprocess(self.height, self.width, self.resize, max(self.height, self.width))
        half = self.pixels == "half" or (self.pixels == "auto" and self.backbone == "efficientnet_lite0")
        return replace(crop, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)) if half else crop


class Augment(Part):
    """Changes to a training photo, drawn anew for each (seed, epoch, place in the epoch).

    flip: chance of a left-right flip, after the crop; the published recipes use 0.5 and nothing else.
    area: a random part of the photo, at least this share of its area, is cut out and resized (1: off).
    jitter: brightness, contrast and saturation are scaled by up to this much (0: off).
    """

    flip: float = Field(default=0.5, ge=0, le=1)
    area: float = Field(default=1.0, gt=0, le=1)
    jitter: float = Field(default=0.0, ge=0, lt=1)


class Distortion(Part):
    """Distorted copies of each anchor, as ASENet_V2+GD learns from.

    kind: "perspective" (published), "affine" or "rotation" (see `lapel.training.distort`).
    scales: one copy an entry, each from 0 to 1; published: 0.2 and 0.4.
    interpolation: of the distortion; the published runs' torchvision took bicubic, today's takes bilinear.
    """

    kind: Literal["perspective", "affine", "rotation"] = "perspective"
    scales: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(0.2, 0.4), min_length=1)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


class Sampling(Part):
    """What a training step sees.

    mode: "triplets" as published (three photos under one attribute, one forward each), or "batch", which is ours:
        `batch` photos under all attributes at once.
    batch: triplets, or photos, a step and a process.
    triplets: triplets an epoch ("triplets" only).
    negative: drawn "entry" by entry (ASEN), or "value" first and then entry (ASEN++, RPF) ("triplets" only).
    order: of the three forwards of a step, which is that of batch norm's running averages: anchor, negative, positive
        ("anp": ASEN, GD) or anchor, positive, negative ("apn": ASEN++, RPF) ("triplets" only).
    balanced: share of each batch drawn evenly over the values of one attribute, which rotates; the rest goes once
        through the training photos ("batch" only).
    crops: attributes, drawn anew each step, under which a local branch sees each photo; 0: all ("batch" only).
    listed: where the data lists triplets (UT-Zap50K), learn from these, `triplets` of them drawn once; false draws
        triplets by label all the same ("triplets" only).
    steps: steps an epoch; 0: one pass over the photos, or `triplets` triplets.
    distortion: distorted copies of the anchors that are learnt from too; null: none. In "triplets" mode the loss then
        has 1 + 2 * copies terms (ASENet_V2+GD); in "batch" mode every photo is an anchor, and the copies, with their
        photo's labels, stand in the batch beside it.
    """

    mode: Literal["triplets", "batch"] = "batch"
    batch: int = Field(default=16, ge=1)
    triplets: int = Field(default=100_000, ge=1)
    negative: Literal["entry", "value"] = "entry"
    order: Literal["anp", "apn"] = "anp"
    balanced: float = Field(default=0.5, ge=0, le=1)
    listed: bool = True
    crops: int = Field(default=3, ge=0)
    steps: int = Field(default=0, ge=0)
    augment: Augment = Augment()
    distortion: Distortion | None = None


class StyleLoss(Part):
    """What style classifiers minimise; defaults as published.

    scale, margin, easy: of the additive angular margin (`style`); margin in radians.
    ranking, anchors, negatives: weights of the ranking term and of the two cross-entropies (`style_v1`).
    """

    scale: float = Field(default=10.0, gt=0)
    margin: float = Field(default=0.5, ge=0, lt=1.5)
    easy: bool = False
    ranking: float = Field(default=0.1, ge=0)
    anchors: float = Field(default=0.5, ge=0)
    negatives: float = Field(default=0.5, ge=0)


class Contrast(Part):
    """E-InfoNCE between the two branches of RPF; defaults as published.

    weight: of the term. tau: temperature. alpha: weight of the background rows.
    negatives: "everyone", rows of other attributes included (the code), or those of the "attribute" alone.
    """

    weight: float = Field(default=0.04, ge=0)
    tau: float = Field(default=0.07, gt=0)
    alpha: float = Field(default=12.0, ge=0)
    negatives: Literal["everyone", "attribute"] = "everyone"


class Loss(Part):
    """The weighted sum that is minimised.

    margin: of the ranking losses, in cosine. In "triplets" mode the loss is the margin ranking loss alone.
    in_batch_triplet, proxy, supcon: weights of the losses of "batch" mode. proxy_scale: inverse temperature of the
    proxy softmax. temperature: of supcon. proxy_lr: the proxies' learning rate over the head's.
    style: of the style classifiers, which minimise nothing else.
    global_weight, local_weight, align_weight: of a system of two branches: of each branch's loss, and of what holds
    the two together.
    contrast: of RPF's second stage.
    """

    margin: float = Field(default=0.2, ge=0, le=2)
    in_batch_triplet: float = Field(default=0.0, ge=0)
    proxy: float = Field(default=0.0, ge=0)
    supcon: float = Field(default=0.0, ge=0)
    proxy_scale: float = Field(default=16.0, gt=0)
    temperature: float = Field(default=0.1, gt=0)
    proxy_lr: float = Field(default=10.0, gt=0)
    style: StyleLoss = StyleLoss()
    global_weight: float = Field(default=1.0, ge=0)
    local_weight: float = Field(default=0.1, ge=0)
    align_weight: float = Field(default=0.1, ge=0)
    contrast: Contrast = Contrast()


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

    @property
    def quick(self) -> Recipe:
        """The same recipe shrunk to two steps on CPU with tiny photos: does it run at all? Numbers mean nothing.

        A weights file that is not there is made up for by random weights.
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
                }
            ),
            "sampling": self.sampling.model_copy(update={"batch": min(4, self.sampling.batch), "steps": 2}),
            "optimiser": self.optimiser.model_copy(update={"epochs": 1, "warmup": 0, "accumulate": 1}),
            "evaluation": self.evaluation.model_copy(update={"batch": 8}),
            "running": self.running.model_copy(update={"device": "cpu", "precision": "32-true", "log_every": 1}),
        }
        shrunk = (self.stage(number).quick for number in range(1, len(self.stages) + 1))
        part["stages"] = tuple(one.model_dump(mode="json", exclude={"stages", "name"}) for one in shrunk)
        return self.model_copy(update=part)
