"""The parts of a recipe that say what is learnt from: what a step sees, and what is minimised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lapel.training.experiment import Part


class Augment(Part):
    """Changes to a training photo, drawn anew for each (seed, epoch, place in the epoch).

    flip: chance of a left-right flip, after the crop; the published recipes use 0.5 and nothing else.
    area: a random part of the photo, at least this share of its area, is cut out and resized (1: off).
    jitter: brightness, contrast and saturation are scaled by up to this much (0: off).
    perspective: half of the photos are seen from aside, by a distortion scale of up to this much (0: off); black where
        nothing is seen then.
    """

    flip: float = Field(default=0.5, ge=0, le=1)
    area: float = Field(default=1.0, gt=0, le=1)
    jitter: float = Field(default=0.0, ge=0, lt=1)
    perspective: float = Field(default=0.0, ge=0, le=1)


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
    masked: photos with masks, drawn at random, that join each batch where `loss.region` is above 0.
    crops: attributes, drawn anew each step, under which a local branch sees each photo; 0: all ("batch" only).
    listed: where the data lists triplets (UT-Zap50K), learn from these, `triplets` of them drawn once; false draws
        triplets by label all the same ("triplets" only).
    steps: steps an epoch; 0: one pass over the photos, or `triplets` triplets.
    views: the frozen backbone's maps of each photo, as it is and so many times changed by `augment`, are computed once
        and kept in Lapel's cache, and steps draw among them; null: photos pass the backbone in every step
        ("batch" with model.freeze "all" only).
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
    masked: int = Field(default=0, ge=0)
    crops: int = Field(default=3, ge=0)
    steps: int = Field(default=0, ge=0)
    views: int | None = Field(default=None, ge=0)
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
    proxy softmax. temperature: of supcon. taught, taught_temperature: weight and temperature of a teacher's neighbours,
    where `model.teacher` names one. region: weight of the attention that falls beside what masks say shows an
    attribute (`data.sets: regions`). proxy_lr: the proxies' learning rate over the head's.
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
    taught: float = Field(default=1.0, ge=0)
    taught_temperature: float = Field(default=0.1, gt=0)
    region: float = Field(default=0.0, ge=0)
    proxy_lr: float = Field(default=10.0, gt=0)
    style: StyleLoss = StyleLoss()
    global_weight: float = Field(default=1.0, ge=0)
    local_weight: float = Field(default=0.1, ge=0)
    align_weight: float = Field(default=0.1, ge=0)
    contrast: Contrast = Contrast()
