"""Heads alone: batches of cached maps, what a step minimises over them, and what the model gives for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapel.models.attribute_model import AttributeModel
from lapel.schema import Card, EmbeddingTable, ItemTable, Outputs
from lapel.training.augment import generator
from lapel.training.batches import BatchSampler
from lapel.training.data import TrainingData, multi_hot
from lapel.training.maps import Maps
from lapel.training.objective import BatchObjective, Step, embedded
from lapel.training.recipe import Sampling


class MapFeed:
    """Our sampling over cached maps. A batch: labels (B, V) bool, maps (B, C, h, w), a view drawn for each photo."""

    def __init__(self, data: TrainingData, maps: Maps, recipe: Sampling, share: int, seed: int) -> None:
        self.sampler = BatchSampler(data.train, recipe.batch, recipe.balanced, seed, data.times)
        self.maps, self.size, self.seed, self.views = maps, recipe.batch, seed, recipe.views or 0
        self.paths, self.labels = data.train.paths, multi_hot(data.train)
        self.steps = recipe.steps or max(1, self.sampler.steps // share)
        self.batches = self.steps * share
        self.photos = recipe.batch * share

    def begin(self, epoch: int) -> None:
        """Draw this epoch's rows."""
        self.epoch, self.drawn = epoch, self.sampler.epoch(epoch, self.batches)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        """Batch `number` of the epoch."""
        rows = self.drawn[number]
        places = np.arange(number * self.size, (number + 1) * self.size)
        views = [int(generator(self.seed, self.epoch, int(place)).integers(self.views + 1)) for place in places]
        maps = self.maps.take([self.paths[row] for row in rows], views)
        return torch.from_numpy(self.labels[rows]), maps


class MapObjective(BatchObjective):
    """The same losses over maps that were computed before."""

    def forward(self, labels: Tensor, maps: Tensor, *copies: Tensor) -> Step:
        """Labels (B, V) bool, all-false slices unknown; maps (B, C, h, w). There are no copies."""
        return self.step(labels, embedded(self.model, maps))


def embed_maps(model: AttributeModel, card: Card, items: ItemTable, maps: Maps, batch: int = 256) -> EmbeddingTable:
    """What the model gives for photos whose maps are cached."""
    parts = []
    device = next(model.head.parameters()).device
    model.eval()
    with torch.inference_mode():
        for at in range(0, len(items), batch):
            found = model.of_maps(maps.take(items.paths[at : at + batch]).to(device))
            parts.append(Outputs(*(part.float().cpu().numpy() for part in found[:4])))
    return EmbeddingTable(tuple(items.ids), Outputs.join(parts), card)
