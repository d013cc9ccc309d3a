"""RPF's second stage: what a step sees and minimises when a patch branch reads crops of the photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from lapel.losses.e_infonce import Sets, e_infonce, shared_value
from lapel.losses.margin_ranking import triplet_accuracy
from lapel.losses.rpf import Terms, Weights, rpf_loss
from lapel.models.attribute_model import AttributeModel, unit
from lapel.models.crop_model import CropModel, normalised
from lapel.models.rpf_region import RegionOutput, RPFRegionHead
from lapel.schema import ItemTable, Preprocess
from lapel.training.feeds import Sampler, TripletPhotoFeed
from lapel.training.objective import Input, Objective, Step, batch_accuracy
from lapel.training.optimiser import Group
from lapel.training.pictures import Pictures
from lapel.training.recipe import Loss, Recipe, Sampling
from lapel.training.triplets import Triplets
from lapel.training.two_branches import TwoBranchBatches, known_only


def held_values(items: ItemTable) -> NDArray[np.bool_]:
    """(n, K, W): which values of each attribute a photo holds, W the most values that one has; unknown is all false."""
    widest = max(len(attribute.values) for attribute in items.vocabulary)
    made = np.zeros((len(items), len(items.vocabulary), widest), bool)
    for k, name in enumerate(items.vocabulary.names):
        hot = items.labels(name).multi_hot
        made[:, k, : hot.shape[1]] = hot
    return made


class ValuedTriplets(TripletPhotoFeed):
    """Triplets with photos, and after these (3, B, W) bool: the values of anchors, positives and negatives.

    E-InfoNCE compares all photos of a batch under one attribute, so it has to know more than who is whose negative.
    """

    def __init__(self, items: ItemTable, sampler: Sampler, pictures: Pictures, recipe: Sampling, share: int) -> None:
        super().__init__(sampler, pictures, recipe, share)
        self.held = held_values(items)

    def batch(self, number: int) -> tuple[Any, ...]:
        """Triplets `number` * B and the following."""
        places = slice(number * self.size, (number + 1) * self.size)
        part = Triplets(*(rows[places] for rows in self.drawn))
        held = np.stack([self.held[rows, part.attribute] for rows in (part.anchor, part.positive, part.negative)])
        return *super().batch(number), torch.from_numpy(held)


class Rows(NamedTuple):
    """Unit rows (N, D) of region, patch and background, in float32 at least; and the maps (N, h, w) cut by."""

    region: Tensor
    patch: Tensor
    background: Tensor
    maps: Tensor


class RPFTriplets(Objective):
    """As published: anchors, positives and negatives each through the region branch in a forward of its own, so that
    batch statistics belong to one role; then all crops through the patch branch together, which has no batch norm, so
    that this changes nothing.
    """

    def __init__(self, model: CropModel, pixels: Input, preprocess: Preprocess, loss: Loss, order: str) -> None:
        super().__init__()
        self.model, self.pixels, self.preprocess, self.loss, self.order = model, pixels, preprocess, loss, order
        self.criterion = nn.Module()  # no weights of its own

    def forward(
        self,
        attributes: Tensor,
        anchor: Tensor,
        negative: Tensor,
        positive: Tensor,
        photos: Sequence[Sequence[Image]],
        held: Tensor,
    ) -> Step:
        """Attributes (B,) int64; inputs (B, H, W, 3) uint8; photos of anchors, negatives, positives; held (3, B, W)."""
        inputs = {"a": self.pixels(anchor), "p": self.pixels(positive), "n": self.pixels(negative)}
        originals = [*photos[0], *photos[2], *photos[1]]
        rows = see_rows(self.model, attributes, inputs, originals, self.preprocess, self.order)
        sets = shared_value(attributes.repeat(3), held.flatten(0, 1))
        terms = rpf_terms(rows, sets, self.loss)
        joint = self.model.join(rows.region, rows.patch).detach()
        near, far = ((joint.chunk(3)[0] * other).sum(dim=1) for other in joint.chunk(3)[1:])
        return Step(terms.total, triplet_accuracy(near, far))


def see_rows(
    model: CropModel,
    attributes: Tensor,
    inputs: dict[str, Tensor],
    originals: Sequence[Image],
    preprocess: Preprocess,
    order: str = "apn",
) -> Rows:
    """What both branches make of a triplet batch: rows of anchors, positives, negatives, whatever the order.

    Args:
        attributes: (B,) int64. inputs: (B, 3, H, W) of each role. originals: 3B photos, anchors, positives, negatives.
        order: in which the region branch sees the roles, which is that of batch norm's running averages.
    """
    seen = {role: region_of(model).both(model.backbone(inputs[role]), attributes) for role in order}
    whole = RegionOutput(*(torch.cat(parts) for parts in zip(*(seen[role] for role in "apn"), strict=True)))
    crops = model.cut(originals, whole.regions[:, None], preprocess)[:, 0]
    patch = model.local_raw(normalised(crops, preprocess, whole.raw), attributes.repeat(3))
    return Rows(unit(whole.raw), unit(patch), unit(whole.background), whole.regions.detach())


def rpf_terms(rows: Rows, sets: Sets, loss: Loss) -> Terms:
    """The published loss of a recipe."""
    asked = loss.contrast
    weights = Weights(loss.global_weight, loss.local_weight, asked.weight)
    how = {"margin": loss.margin, "tau": asked.tau, "alpha": asked.alpha}
    region, patch, background, _ = rows
    return rpf_loss(region, patch, background, sets, weights=weights, negatives=asked.negatives, **how)


def region_of(model: AttributeModel) -> RPFRegionHead:
    """The model's region branch."""
    assert isinstance(model.head, RPFRegionHead)
    return model.head


class RPFBatches(TwoBranchBatches):
    """Ours: the batch losses of a recipe on each branch, and E-InfoNCE over the photos under the attributes cropped.

    All K attributes of a photo come from one region pass; the patch branch sees, each step, the crops of a few
    attributes only (`sampling.crops`), drawn anew and the same for all photos, so that they can be compared.
    A photo whose value is unknown takes no part under that attribute.
    """

    def forward(self, labels: Tensor, photos: Tensor, originals: Sequence[Image]) -> Step:
        """Labels (B, V) bool, all-false slices unknown; photos (B, H, W, 3) uint8; originals: the photos themselves."""
        count, asked = len(labels), self.loss.contrast
        inputs = self.pixels(photos)
        every = torch.arange(len(self.sizes), device=inputs.device).expand(count, -1)
        seen = region_of(self.model).both(self.model.backbone(inputs), every)
        chosen = torch.randperm(len(self.sizes))[: self.many].sort().values.to(inputs.device)
        crops = self.model.cut(originals, seen.regions[:, chosen], self.preprocess).flatten(0, 1)
        raw = self.model.local_raw(normalised(crops, self.preprocess, inputs), chosen.repeat(count))
        whole, patch = unit(seen.raw), unit(raw).view(count, self.many, -1)
        known = known_only(labels, self.sizes, chosen.tolist())
        # Attributes without a crop keep a zero, which no loss looks at: their labels are unknown to it.
        local = patch.new_zeros(count, len(self.sizes), patch.shape[2]).index_copy(1, chosen, patch)
        loss = self.loss.global_weight * self.of_whole(whole, labels)
        loss = loss + self.loss.local_weight * self.of_local(local, known)
        held = _padded(labels, self.sizes, chosen.tolist())
        rows = held.any(dim=2)
        if asked.weight and rows.any():
            sets = shared_value(chosen.expand(count, -1)[rows], held[rows])
            back = unit(seen.background[:, chosen])
            front, tau, alpha = whole[:, chosen][rows], asked.tau, asked.alpha
            inter = e_infonce(front, patch[rows], back[rows], sets, tau=tau, alpha=alpha, negatives=asked.negatives)
            loss = loss + asked.weight * inter
        joint = self.model.join(whole, local).detach()
        return Step(loss, batch_accuracy(joint, known, self.sizes))


def _padded(labels: Tensor, sizes: Sequence[int], chosen: Sequence[int]) -> Tensor:
    """Labels (B, V) -> (B, A, W) bool of the chosen attributes, W the most values of any."""
    slices = labels.split(list(sizes), dim=1)
    parts = [nn.functional.pad(slices[k], (0, max(sizes) - sizes[k])) for k in chosen]
    return torch.stack(parts, dim=1)


def rpf_groups(recipe: Recipe, model: AttributeModel, criterion: nn.Module) -> list[Group]:
    """In the first stage one rate for all (a rate of its own for the backbone where the recipe gives one); in the
    second the region branch, attribute table included, at the slow rate, and the patch branch at the other.
    """
    asked = recipe.optimiser
    loss = Group("loss", [criterion], asked.lr * recipe.loss.proxy_lr)
    whole: list[nn.Module] = [model.backbone, model.head]
    if isinstance(model, CropModel):
        slow = asked.lr / 10 if asked.slow_lr is None else asked.slow_lr
        return [
            Group("region", whole, slow, asked.weight_decay),
            Group("patch", [model.local], asked.lr, asked.weight_decay),
            loss,
        ]
    if asked.backbone_lr is None:
        return [Group("region", whole, asked.lr, asked.weight_decay), loss]
    return [
        Group("backbone", [model.backbone], asked.backbone_lr, asked.weight_decay),
        Group("head", [model.head], asked.lr, asked.weight_decay),
        loss,
    ]
