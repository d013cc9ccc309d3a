"""Attribute values of photos, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.classifying.records import Classified, Guess, Photo, Unread
from lapel.datasets.files import is_image
from lapel.embedding import embed_batches
from lapel.errors import InputError
from lapel.export import load_model
from lapel.progress import Progress
from lapel.schema import Card, Model, offered

MODEL = "lapel-lite"
"""The shipped model that is taken when none is named."""

Source = str | Path


def classify(
    images: Source | Sequence[Source],
    model: str | Path | Model = MODEL,
    *,
    attributes: Sequence[str] | None = None,
    batch: int = 32,
    workers: int = 2,
    progress: Progress | None = None,
) -> Classified:
    """Say for each photo which value of each attribute it holds, and how probable every value is.

    Args:
        images: photos and folders; a folder stands for all photos in it, at any depth.
        model: a shipped model's name, an exported folder, a run folder, a .safetensors file, or an opened model.
        attributes: which to tell; None: all but those that serve for slices of scores only.
        batch: photos a model call. workers: threads that read photos.
        progress: advances once a photo.

    Raises:
        InputError: there is no photo, or the model's probabilities were never fitted.
        UnknownName: an attribute or a model that is not known.
        ModelError: the model cannot be opened.
    """
    opened = open_model(model)
    names = asked_attributes(opened.card, attributes)
    paths = find_photos(images)
    photos: dict[int, Photo] = {}
    unread = []
    for rows, outputs, errors in embed_batches(
        opened, paths, batch=batch, skip=True, workers=workers, progress=progress
    ):
        unread += [Unread(error.path, _reason(error.path, str(error))) for error in errors]
        if outputs is not None:
            for row, values in zip(rows, outputs.values, strict=True):
                photos[row] = Photo(paths[row], guesses(opened.card, values, names))
    return Classified(
        opened.card.name,
        opened.card.fingerprint,
        opened.card.values_fitted,
        tuple(photos[row] for row in sorted(photos)),
        tuple(unread),
        opened.card.notes,
    )


def open_model(model: str | Path | Model) -> Model:
    """The model, checked to have probabilities that mean something.

    Raises:
        InputError: they are uniform: nothing fitted them, as in a checkpoint of the published retrieval code.
    """
    opened = load_model(model) if isinstance(model, (str, Path)) else model
    card = opened.card
    if not card.values_fitted and not _is_style(card):
        raise InputError(
            f"The model '{card.name}' gives every value the same probability: they were never fitted to photos. "
            "Take a trained run or a shipped model (lapel-lite); an imported retrieval checkpoint has none."
        )
    return opened


def asked_attributes(card: Card, attributes: Sequence[str] | None) -> tuple[str, ...]:
    """The attributes to tell; by default all that are offered (see `lapel.schema.wording`).

    Raises:
        UnknownName: one that the model does not know.
    """
    return card.vocabulary.select(dict.fromkeys(attributes)).names if attributes else offered(card.vocabulary.names)


def find_photos(images: Source | Sequence[Source]) -> list[Path]:
    """Photos named, and those in named folders, sorted inside each; nothing twice.

    Raises:
        InputError: there is none, or a folder holds none.
    """
    sources = [images] if isinstance(images, (str, Path)) else list(images)
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        if not source.is_dir():
            found[source] = None
            continue
        inside = sorted(path for path in source.rglob("*") if is_image(path.name) and path.is_file())
        if not inside:
            raise InputError(f"The folder '{source}' holds no photo (.jpg, .png, .webp, ...).")
        found |= dict.fromkeys(inside)
    if not found:
        raise InputError("There is no photo to classify. Name photos or folders of photos.")
    return list(found)


def guesses(card: Card, values: NDArray[np.float32], names: Sequence[str]) -> dict[str, Guess]:
    """One photo's probabilities (V,) -> a guess for each of these attributes."""
    scales = card.architecture.get("value_scale", {}) if _is_style(card) else {}
    found = {}
    for name in names:
        known = card.vocabulary[name].values
        mine = values[card.vocabulary.slices[card.vocabulary.index(name)]].astype(np.float64)
        order = np.argsort(-mine, kind="stable").tolist()
        scores = published_scores(mine, float(scales[name])) if name in scales else None
        found[name] = Guess(
            known[order[0]],
            order[0],
            {known[n]: float(mine[n]) for n in order},
            {known[n]: float(scores[n]) for n in order} if scores is not None else {},
        )
    return found


def published_scores(probabilities: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """softmax(logits) from softmax(scale * logits): logits are known up to a constant, which a softmax ignores.

    probabilities: (..., C). scale: the inverse temperature inside them, from the card.
    """
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / scale
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return scores


def _is_style(card: Card) -> bool:
    return card.system.startswith("style")


def _reason(path: Path, message: str) -> str:
    """The error without the path that precedes it: the path has its own place."""
    return message.removeprefix(f"{path}: ")
