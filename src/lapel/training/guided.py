"""Batches that carry what a teacher sees and what masks show beside the labels, and the objective that heeds both."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lapel.losses.looked_at import looked_at
from lapel.losses.neighbours import kept_neighbours
from lapel.models.attribute_model import AttributeModel, unit
from lapel.schema import Floats
from lapel.training.data import TrainingData
from lapel.training.feeds import BatchFeed
from lapel.training.masks import Masks
from lapel.training.objective import BatchObjective, Input, Step
from lapel.training.pictures import Pictures
from lapel.training.recipe import Loss, Sampling


class GuidedFeed(BatchFeed):
    """A `BatchFeed` whose batches begin with the teacher's embeddings (B, K, E) and the regions (B, K, h, w).

    Args:
        data, pictures, recipe, share, seed: as of `BatchFeed`; `recipe.masked` photos with masks join each batch, with
            places of their own, from which their changes are drawn.
        taught: (n, K, E) of all training photos, 0 where the teacher is silent; None: no teacher.
        masks: of the same photos; None: no regions.
    """

    def __init__(
        self,
        data: TrainingData,
        pictures: Pictures,
        recipe: Sampling,
        share: int,
        seed: int,
        taught: Floats | None,
        masks: Masks | None,
    ) -> None:
        super().__init__(data, pictures, recipe, share, seed)
        self.taught, self.masks, self.seed = taught, masks, seed
        self.masked = recipe.masked if masks is not None else 0
        self.photos += self.photos // self.size * self.masked
        self.size += self.masked

    def begin(self, epoch: int) -> None:
        """Draw this epoch's rows."""
        super().begin(epoch)
        if self.masks is not None and self.masked:
            rng = np.random.default_rng([self.seed, epoch, 0x3A5])
            joined = rng.choice(self.masks.rows, (self.batches, self.masked))
            self.drawn = np.concatenate([self.drawn, joined], axis=1)

    def batch(self, number: int) -> tuple[Any, ...]:
        """Batch `number` of the epoch."""
        rows = self.drawn[number]
        places = np.arange(number * self.size, (number + 1) * self.size)
        none = np.zeros((len(rows), 0, 0), np.float32)
        taught = none if self.taught is None else self.taught[rows]
        cover = none[..., None] if self.masks is None else self.masks.batch(rows, self.epoch, places)
        return torch.from_numpy(taught), torch.from_numpy(cover), *super().batch(number)


class GuidedObjective(BatchObjective):
    """The losses of a batch, the distance of its neighbours from those that a teacher sees (`loss.taught`), and the
    attention that falls beside what masks show (`loss.region`).
    """

    def __init__(self, model: AttributeModel, pixels: Input, criterion: nn.Module, recipe: Loss) -> None:
        super().__init__(model, pixels, criterion)
        self.recipe = recipe

    def forward(self, taught: Tensor, cover: Tensor, labels: Tensor, photos: Tensor, *copies: Tensor) -> Step:  # type: ignore[override]
        """taught (B, K, E) or empty, cover (B, K, h, w) or empty, then as `BatchObjective`.

        Copies of a photo are taught as the photo is; where they show an attribute is not known.
        """
        labels, pictures = self.joined(labels, photos, *copies)
        found = self.model.head.all(self.model.backbone(self.pixels(pictures)))
        embeddings = unit(found.raw.float())
        step = self.step(labels, embeddings)
        loss = step.loss
        if taught.shape[1]:
            kept = kept_neighbours(embeddings, taught.repeat(1 + len(copies), 1, 1), self.recipe.taught_temperature)
            loss = loss + self.recipe.taught * kept
        if cover.shape[1]:
            loss = loss + self.recipe.region * looked_at(found.regions[: len(photos)], cover)
        return Step(loss, step.accuracy)
