"""ASEN++'s second stage: what a step minimises when a local branch reads crops of the photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL.Image import Image
from torch import Tensor, nn

from lapel.losses.margin_ranking import triplet_accuracy
from lapel.losses.two_branches import BranchTerms, Roles, align, two_branches
from lapel.models.attribute_model import AttributeModel, unit
from lapel.models.crop_model import CropModel, normalised
from lapel.schema import Preprocess
from lapel.training.criterion import Criterion
from lapel.training.objective import Input, Objective, Step, batch_accuracy
from lapel.training.recipe import Loss


class Seen(NamedTuple):
    """What both branches made of a triplet batch. local: None without a local branch. maps: (B, h, w) a role."""

    whole: Roles
    local: Roles | None
    maps: Roles


def see_triplets(
    model: AttributeModel,
    attributes: Tensor,
    pixels: Roles,
    photos: Sequence[Sequence[Image]],
    preprocess: Preprocess,
    order: str = "apn",
) -> Seen:
    """All global forwards first, then all local ones, each role in a forward of its own.

    Args:
        attributes: (B,) int64. pixels: inputs (B, 3, H, W) of anchors, positives, negatives.
        photos: the photos themselves, role by role as in `pixels`; not looked at without a local branch.
        order: of the roles: anchor, positive, negative ("apn": as published) or anchor, negative, positive ("anp").
    """
    roles = ["apn".index(role) for role in order]
    whole = {at: model.head(model.backbone(pixels[at]), attributes) for at in roles}
    given = Seen(Roles(*(whole[at].raw for at in range(3))), None, Roles(*(whole[at].regions for at in range(3))))
    if not isinstance(model, CropModel):
        return given
    local = {}
    for at in roles:
        crops = model.cut(photos[at], given.maps[at][:, None], preprocess)[:, 0]
        local[at] = model.local_raw(normalised(crops, preprocess, pixels[at]), attributes)
    return given._replace(local=Roles(*(local[at] for at in range(3))))


class TwoBranchTriplets(Objective):
    """As published: a triplet term a branch, and the align term, weighted."""

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
    ) -> Step:
        """Attributes (B,) int64; inputs (B, H, W, 3) uint8; photos: of anchors, negatives and positives."""
        inputs = Roles(self.pixels(anchor), self.pixels(positive), self.pixels(negative))
        whole_photos = (photos[0], photos[2], photos[1])
        seen = see_triplets(self.model, attributes, inputs, whole_photos, self.preprocess, self.order)
        terms = branch_terms(seen, self.loss)
        assert seen.local is not None
        joint = Roles(*(self.model.join(a, b).detach() for a, b in zip(seen.whole, seen.local, strict=True)))
        near, far = ((joint.anchor * other).sum(dim=1) for other in (joint.positive, joint.negative))
        return Step(terms.loss, triplet_accuracy(near, far))


def branch_terms(seen: Seen, loss: Loss) -> BranchTerms:
    """The published loss of what was seen, never in less than float32."""
    whole, local = (None if roles is None else Roles(*map(_precise, roles)) for roles in (seen.whole, seen.local))
    assert whole is not None
    return two_branches(whole, local, loss.margin, (loss.global_weight, loss.local_weight, loss.align_weight))


class TwoBranchBatches(Objective):
    """Ours: the batch losses of a recipe on each branch, and the align term.

    All K attributes of a photo come from one global pass; the local branch sees, each step, the crops of a few
    attributes only (`sampling.crops`), drawn anew and the same for all photos, so that they can be compared.
    """

    def __init__(self, model: CropModel, pixels: Input, preprocess: Preprocess, loss: Loss, crops: int) -> None:
        super().__init__()
        self.model, self.pixels, self.preprocess, self.loss = model, pixels, preprocess, loss
        self.sizes = model.values.sizes
        self.many = min(crops or len(self.sizes), len(self.sizes))
        widths = model.head.dim, int(model.local.dim)  # type: ignore[arg-type]
        self.of_whole, self.of_local = (Criterion(loss, self.sizes, width) for width in widths)
        self.criterion = nn.ModuleList([self.of_whole, self.of_local])

    def forward(self, labels: Tensor, photos: Tensor, originals: Sequence[Image]) -> Step:
        """Labels (B, V) bool, all-false slices unknown; photos (B, H, W, 3) uint8; originals: the photos themselves."""
        inputs = self.pixels(photos)
        raw, regions = self.model.head.all(self.model.backbone(inputs))
        chosen = torch.randperm(len(self.sizes))[: self.many].sort().values.to(raw.device)
        crops = self.model.cut(originals, regions[:, chosen], self.preprocess).flatten(0, 1)
        part = self.model.local_raw(normalised(crops, self.preprocess, inputs), chosen.repeat(len(raw)))
        part = part.view(len(raw), self.many, -1).float()
        whole, asked = raw.float(), known_only(labels, self.sizes, chosen.tolist())
        # Attributes without a crop keep a zero, which no loss looks at: their labels are unknown to it.
        local = part.new_zeros(len(raw), len(self.sizes), part.shape[2]).index_copy(1, chosen, unit(part))
        loss = self.loss.global_weight * self.of_whole(unit(whole), labels)
        loss = loss + self.loss.local_weight * self.of_local(local, asked)
        held = align([whole[:, chosen].flatten(0, 1)], [part.flatten(0, 1)])
        joint = self.model.join(whole, local).detach()
        return Step(loss + self.loss.align_weight * held, batch_accuracy(joint, asked, self.sizes))


def known_only(labels: Tensor, sizes: Sequence[int], chosen: Sequence[int]) -> Tensor:
    """Labels (B, V) with the slices of all other attributes unknown."""
    kept = torch.cat([torch.full((size,), k in set(chosen)) for k, size in enumerate(sizes)])
    return labels & kept.to(labels.device)


def _precise(raw: Tensor) -> Tensor:
    return raw.float() if raw.dtype.itemsize < 4 else raw
