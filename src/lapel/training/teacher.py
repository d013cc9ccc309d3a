"""A trained model that teaches another: its embeddings of the training photos."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from lightning_fabric import Fabric

from lapel import cache
from lapel.embedding import embed_batches
from lapel.errors import InputError
from lapel.images import ImageCache, contents
from lapel.models import checkpoint
from lapel.models.adapter import Precision, TorchModel
from lapel.progress import bar
from lapel.schema import Card, Floats, ItemTable
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
        source: a shipped model's name, a run folder or a .safetensors file. device, precision: it runs with.

    Raises:
        CheckpointError: it cannot be read. InputError: there is none, or it crops photos or learns styles.
    """

    def __init__(self, source: str, device: str, precision: Precision) -> None:
        model, self.card = checkpoint.load(checkpoint_of(source))
        if self.card.crops is not None or self.card.system.startswith("style"):
            raise InputError(f"model.teacher: '{self.card.name}' is {self.card.system}; models of one branch teach.")
        self.model = TorchModel(model, self.card, device, precision)
        said = {"version": VERSION, "model": self.card.fingerprint, "precision": precision}
        address = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        shape = (len(self.card.vocabulary), self.card.dim)
        self._rows = Rows(cache.make("features") / f"taught-{address}", shape, "float16")

    def embed(self, items: ItemTable, workers: int = 2, show: bool | None = None) -> Floats:
        """(n, teacher's attributes, D) unit embeddings of all photos, from the cache where they are known.

        show: the progress bar; None: on a terminal.

        Raises:
            ImageError: a photo cannot be read. TrainingError: the disk refuses; what was computed before is kept.
        """
        keys = contents(items.paths, workers)
        path_of = dict(zip(keys, items.paths, strict=True))
        fresh = self._rows.missing(keys)
        photos = ImageCache.for_model(self.card.preprocess)
        with bar("asking the teacher", len(keys), show=show) as progress:
            progress.advance(len(keys) - len(fresh))
            for at in range(0, len(fresh), SAVED_EVERY):
                some = fresh[at : at + SAVED_EVERY]
                paths = [path_of[key] for key in some]
                batches = embed_batches(self.model, paths, cache=photos, workers=workers, progress=progress)
                self._rows.add(some, np.concatenate([found.embeddings for _, found, _ in batches if found is not None]))
        return self._rows.take(keys)


def ask_teacher(recipe: Recipe, items: ItemTable, fabric: Fabric) -> tuple[Card, Floats]:
    """The teacher's card, and (n, K, E) what it gives for the training photos in this run's attributes.

    An attribute that it does not know is 0 throughout. The first process asks; the others then find the answers.

    Raises:
        InputError: it knows none of the attributes; else as `Teacher`.
    """
    precision: Precision = "bf16" if recipe.running.precision == "bf16-mixed" else "fp32"
    teacher = Teacher(recipe.model.teacher, str(fabric.device), precision)
    known, asked = teacher.card.vocabulary.names, items.vocabulary.names
    if not set(known) & set(asked):
        raise InputError(
            f"model.teacher: '{teacher.card.name}' knows {', '.join(known)}; this run learns {', '.join(asked)}."
        )
    given = np.empty(0, np.float32)
    for first in (True, False):
        if fabric.is_global_zero == first:
            given = teacher.embed(items, recipe.data.workers, None if first else False)
        fabric.barrier()
    taught = np.zeros((len(items), len(asked), teacher.card.dim), np.float32)
    for at, name in enumerate(asked):
        if name in known:
            taught[:, at] = given[:, known.index(name)]
    return teacher.card, taught
