"""An epoch's batches for one process of several, each a function of its number alone."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lapel.training.batches import BatchSampler
from lapel.training.data import TrainingData, multi_hot
from lapel.training.pictures import Pictures
from lapel.training.recipe import Sampling
from lapel.training.triplets import Triplets


class Feed(Protocol):
    """Batches of one recipe.

    steps: updates an epoch. batches: of all processes together, an epoch. photos: of all processes, a step.
    `share` below is processes x accumulated batches: how many batches one step takes.
    """

    steps: int
    batches: int
    photos: int

    def begin(self, epoch: int) -> None:
        """Draw this epoch."""
        ...

    def batch(self, number: int) -> tuple[Any, ...]:
        """Batch `number` of the epoch: what the objective takes; tensors, and photos where it wants them."""
        ...


class Sampler(Protocol):
    """Where triplets come from: drawn by label, or listed."""

    def epoch(self, epoch: int, count: int) -> Triplets:
        """`count` triplets for this epoch (from 1)."""
        ...


class TripletFeed:
    """Published sampling. A batch: attributes (B,), then anchors, negatives, positives (B, H, W, 3) uint8, and after
    them the anchors' distorted copies where the pictures make any.
    """

    def __init__(self, sampler: Sampler, pictures: Pictures, recipe: Sampling, share: int) -> None:
        self.sampler, self.pictures, self.size = sampler, pictures, recipe.batch
        self.steps = recipe.steps or max(1, recipe.triplets // (recipe.batch * share))
        self.batches = self.steps * share
        self.photos = (3 + _copies(recipe)) * recipe.batch * share

    def begin(self, epoch: int) -> None:
        """Draw this epoch's triplets."""
        self.epoch, self.drawn = epoch, self.sampler.epoch(epoch, self.batches * self.size)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        """Triplets `number` * B and the following."""
        places = np.arange(number * self.size, (number + 1) * self.size)
        part = Triplets(*(rows[places] for rows in self.drawn))
        roles = enumerate((part.anchor, part.negative, part.positive))
        photos = (self.pictures.batch(rows, self.epoch, places, role) for role, rows in roles)
        copies = self.pictures.copies(part.anchor, self.epoch, places)
        return torch.from_numpy(part.attribute), *map(torch.from_numpy, (*photos, *copies))


class TripletPhotoFeed(TripletFeed):
    """The same with the photos themselves: after the three pixel arrays a tuple of three lists of RGB pictures."""

    def batch(self, number: int) -> tuple[Any, ...]:
        """Triplets `number` * B and the following."""
        places = np.arange(number * self.size, (number + 1) * self.size)
        part = Triplets(*(rows[places] for rows in self.drawn))
        roles = enumerate((part.anchor, part.negative, part.positive))
        seen = [self.pictures.with_photos(rows, self.epoch, places, role) for role, rows in roles]
        pixels = (torch.from_numpy(pixels) for pixels, _ in seen)
        return torch.from_numpy(part.attribute), *pixels, tuple(photos for _, photos in seen)


class BatchFeed:
    """Our sampling. A batch: labels (B, V) bool, photos (B, H, W, 3) uint8, then their distorted copies, if any."""

    def __init__(self, data: TrainingData, pictures: Pictures, recipe: Sampling, share: int, seed: int) -> None:
        self.sampler = BatchSampler(data.train, recipe.batch, recipe.balanced, seed, data.times)
        self.pictures, self.size = pictures, recipe.batch
        self.labels = multi_hot(data.train)
        self.steps = recipe.steps or max(1, self.sampler.steps // share)
        self.batches = self.steps * share
        self.photos = (1 + _copies(recipe)) * recipe.batch * share

    def begin(self, epoch: int) -> None:
        """Draw this epoch's rows."""
        self.epoch, self.drawn = epoch, self.sampler.epoch(epoch, self.batches)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        """Batch `number` of the epoch."""
        rows = self.drawn[number]
        places = np.arange(number * self.size, (number + 1) * self.size)
        photos = self.pictures.batch(rows, self.epoch, places), *self.pictures.copies(rows, self.epoch, places)
        return torch.from_numpy(self.labels[rows]), *map(torch.from_numpy, photos)


class BatchPhotoFeed(BatchFeed):
    """The same with the photos themselves, as a list of RGB pictures at the end."""

    def batch(self, number: int) -> tuple[Any, ...]:
        """Batch `number` of the epoch."""
        rows = self.drawn[number]
        places = np.arange(number * self.size, (number + 1) * self.size)
        pixels, photos = self.pictures.with_photos(rows, self.epoch, places)
        return torch.from_numpy(self.labels[rows]), torch.from_numpy(pixels), photos


def _copies(recipe: Sampling) -> int:
    return len(recipe.distortion.scales) if recipe.distortion else 0
