"""How style classifiers learn: anchors drawn class by class, and a loss on their classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.errors import TrainingError
from lapel.losses.arc_margin import arc_margin
from lapel.losses.style import style_v1_loss
from lapel.models.attribute_model import unit
from lapel.models.style import StyleModel
from lapel.schema import ItemTable
from lapel.training.feeds import Sampler
from lapel.training.objective import Input, Objective, Step
from lapel.training.pictures import Pictures
from lapel.training.recipe import Sampling, StyleLoss
from lapel.training.triplets import Triplets


def class_ids(items: ItemTable) -> NDArray[np.int64]:
    """(n,) class of each photo under the one attribute, -1 where it is unknown.

    Raises:
        TrainingError: a photo holds several classes.
    """
    name = items.vocabulary.names[0]
    labels = items.labels(name)
    if several := next((cell for cell in labels.cells if len(cell) > 1), None):
        held = " and ".join(labels.values[value] for value in several)
        raise TrainingError(
            f"{items.name}: a style classifier learns one class a photo, and some photo is {held} in '{name}'. "
            "Keep one value in each cell, or train another system."
        )
    classes = np.array([cell[0] for cell in labels.cells] + [-1], np.int64)
    return classes[labels.codes]


class StyleFeed:
    """Anchors whose classes are drawn evenly, from the triplets of an epoch, as published.

    A batch of `style`: classes (B,), anchors (B, H, W, 3) uint8. Of `style_v1`: classes (2, B) of anchors and
    negatives, then anchors, positives and negatives. With one process and no accumulation the last batch is the rest,
    as published: 100,000 anchors in batches of 128 are 782 steps, the last of 32.
    """

    def __init__(
        self, items: ItemTable, sampler: Sampler, pictures: Pictures, recipe: Sampling, share: int, roles: int
    ) -> None:
        self.sampler, self.pictures, self.size, self.roles = sampler, pictures, recipe.batch, roles
        self.classes = class_ids(items)
        whole, rest = divmod(recipe.triplets, recipe.batch * share)
        self.steps = recipe.steps or max(1, whole + (rest > 0 and share == 1))
        self.batches = self.steps * share
        self.photos = roles * recipe.batch * share
        self.count = self.batches * self.size if recipe.steps or share > 1 else recipe.triplets

    def begin(self, epoch: int) -> None:
        """Draw this epoch's triplets."""
        self.epoch, self.drawn = epoch, self.sampler.epoch(epoch, self.count)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        """Anchors `number` * B and the following."""
        places = np.arange(number * self.size, min((number + 1) * self.size, self.count))
        part = Triplets(*(rows[places] for rows in self.drawn))
        if self.roles == 1:
            photos = self.pictures.batch(part.anchor, self.epoch, places)
            return torch.from_numpy(self.classes[part.anchor]), torch.from_numpy(photos)
        classes = np.stack([self.classes[part.anchor], self.classes[part.negative]])
        roles = ((0, part.anchor), (2, part.positive), (1, part.negative))
        views = (self.pictures.batch(rows, self.epoch, places, role) for role, rows in roles)
        return torch.from_numpy(classes), *map(torch.from_numpy, views)


class StyleObjective(Objective):
    """The release's: margin cross-entropy of the anchors alone. The accuracy is the batch's top-1."""

    def __init__(self, model: StyleModel, pixels: Input, loss: StyleLoss) -> None:
        super().__init__()
        self.model, self.pixels, self.loss = model, pixels, loss
        self.criterion = nn.Module()  # the classes' vectors belong to the model

    def forward(self, classes: Tensor, photos: Tensor) -> Step:
        """Classes (B,) int64; photos (B, H, W, 3) uint8."""
        cosines, asked = self.model.logits(self.pixels(photos)), self.loss
        loss = arc_margin(cosines, classes, asked.scale, asked.margin, asked.easy)
        return Step(loss, _top1(cosines, classes))


class StyleV1Objective(Objective):
    """The first version's: a forward each for anchors, positives and negatives; ranking and two cross-entropies."""

    def __init__(self, model: StyleModel, pixels: Input, loss: StyleLoss, margin: float) -> None:
        super().__init__()
        self.model, self.pixels, self.loss, self.margin = model, pixels, loss, margin
        self.criterion = nn.Module()  # the classifier belongs to the model

    def forward(self, classes: Tensor, anchor: Tensor, positive: Tensor, negative: Tensor) -> Step:
        """Classes (2, B) int64 of anchors and negatives; photos (B, H, W, 3) uint8."""
        found = [self.model.classify(self.pixels(photos)) for photos in (anchor, positive, negative)]
        raw, logits = (torch.stack(parts) for parts in zip(*found, strict=True))
        weights = self.loss.ranking, self.loss.anchors, self.loss.negatives
        terms = style_v1_loss(unit(raw), logits.float(), (classes[0], classes[1]), self.margin, weights)
        return Step(terms.loss, _top1(logits[0], classes[0]))


def _top1(logits: Tensor, classes: Tensor) -> Tensor:
    return (logits.detach().argmax(dim=1) == classes).float().mean()
