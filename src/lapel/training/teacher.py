"""A trained model that teaches another: its embeddings of the training photos, and batches that carry them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from lapel import cache
from lapel.embedding import embed_batches
from lapel.errors import InputError
from lapel.images import ImageCache, contents
from lapel.losses.neighbours import kept_neighbours
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import AttributeModel
from lapel.progress import bar
from lapel.schema import Card, Floats, ItemTable
from lapel.training.feeds import BatchFeed
from lapel.training.objective import BatchObjective, Input, Step, embedded
from lapel.training.recipe import Recipe
from lapel.training.rows import Rows
from lapel.training.tuning import checkpoint_of

VERSION = 1
"""Part of every address: raise it whenever an embedding comes out differently."""

SAVED_EVERY = 512
"""Photos that are embedded before their embeddings are put on disk: a stop loses no more."""


class Teacher:
    """A trained model whose embeddings of photos are computed once and kept in Lapel's cache.

    Args:
        source: a shipped model's name, a run folder or a .safetensors file. fabric: device and numbers it runs with.

    Raises:
        CheckpointError: it cannot be read. InputError: there is none, or it crops photos or learns styles.
    """

    def __init__(self, source: str, fabric: Fabric) -> None:
        model, self.card = checkpoint.load(checkpoint_of(source))
        if self.card.crops is not None or self.card.system.startswith("style"):
            raise InputError(f"model.teacher: '{self.card.name}' is {self.card.system}; models of one branch teach.")
        precision = "bf16" if "bf16" in str(fabric._precision.precision) else "fp32"
        self.model = TorchModel(model, self.card, str(fabric.device), precision)  # type: ignore[arg-type]
        said = {"version": VERSION, "model": self.card.fingerprint, "precision": precision}
        address = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        shape = (len(self.card.vocabulary), self.card.dim)
        self._rows = Rows(cache.make("features") / f"taught-{address}", shape, "float16")

    def embed(self, items: ItemTable, workers: int = 2) -> Floats:
        """(n, teacher's attributes, D) unit embeddings of all photos, from the cache where they are known.

        Raises:
            ImageError: a photo cannot be read. TrainingError: the disk refuses; what was computed before is kept.
        """
        keys = contents(items.paths, workers)
        path_of = dict(zip(keys, items.paths, strict=True))
        fresh = self._rows.missing(keys)
        photos = ImageCache.for_model(self.card.preprocess)
        with bar("asking the teacher", len(keys)) as progress:
            progress.advance(len(keys) - len(fresh))
            for at in range(0, len(fresh), SAVED_EVERY):
                some = fresh[at : at + SAVED_EVERY]
                paths = [path_of[key] for key in some]
                batches = embed_batches(self.model, paths, cache=photos, workers=workers, progress=progress)
                self._rows.add(some, np.concatenate([found.embeddings for _, found, _ in batches if found]))
        return self._rows.take(keys)


class TaughtFeed:
    """A `BatchFeed` whose batches begin with what the teacher gives for their photos, (B, K, E), 0 where it is silent.

    Args:
        feed: of photos. taught: (n, K, E) of all training photos, in this run's attributes.
    """

    def __init__(self, feed: BatchFeed, taught: Floats) -> None:
        self.feed, self.taught = feed, taught
        self.steps, self.batches, self.photos = feed.steps, feed.batches, feed.photos

    def begin(self, epoch: int) -> None:
        """Draw this epoch's rows."""
        self.feed.begin(epoch)

    def batch(self, number: int) -> tuple[Any, ...]:
        """Batch `number` of the epoch."""
        return torch.from_numpy(self.taught[self.feed.drawn[number]]), *self.feed.batch(number)


class TaughtObjective(BatchObjective):
    """The losses of a batch, and the distance of its neighbours from those that a teacher sees.

    weight, temperature: of the latter; see `lapel.losses.neighbours`.
    """

    def __init__(
        self, model: AttributeModel, pixels: Input, criterion: nn.Module, weight: float, temperature: float
    ) -> None:
        super().__init__(model, pixels, criterion)
        self.weight, self.temperature = weight, temperature

    def forward(self, taught: Tensor, labels: Tensor, photos: Tensor, *copies: Tensor) -> Step:  # type: ignore[override]
        """taught (B, K, E), then as `BatchObjective`; copies of a photo are taught as the photo is."""
        labels, photos = self.joined(labels, photos, *copies)
        embeddings = embedded(self.model, self.model.backbone(self.pixels(photos)))
        step = self.step(labels, embeddings)
        kept = kept_neighbours(embeddings, taught.repeat(1 + len(copies), 1, 1), self.temperature)
        return Step(step.loss + self.weight * kept, step.accuracy)


def ask_teacher(recipe: Recipe, items: ItemTable, fabric: Fabric) -> tuple[Card, Floats]:
    """The teacher's card, and (n, K, E) what it gives for the training photos in this run's attributes.

    An attribute that it does not know is 0 throughout. The first process asks; the others then find the answers.

    Raises:
        InputError: it knows none of the attributes; else as `Teacher`.
    """
    teacher = Teacher(recipe.model.teacher, fabric)
    known, asked = teacher.card.vocabulary.names, items.vocabulary.names
    if not set(known) & set(asked):
        raise InputError(
            f"model.teacher: '{teacher.card.name}' knows {', '.join(known)}; this run learns {', '.join(asked)}."
        )
    given = np.empty(0, np.float32)
    for first in (True, False):
        if fabric.is_global_zero == first:
            given = teacher.embed(items, recipe.data.workers)
        fabric.barrier()
    taught = np.zeros((len(items), len(asked), teacher.card.dim), np.float32)
    for at, name in enumerate(asked):
        if name in known:
            taught[:, at] = given[:, known.index(name)]
    return teacher.card, taught
