"""Model and pictures -> embeddings: decoding in threads beside the model, in order, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ImageError, InputError, ShapeError
from lapel.images import ImageCache, decode_side, fit, normalise, open_image
from lapel.images.reading import map_ordered
from lapel.progress import Progress, Quiet
from lapel.schema import EmbeddingTable, Model, Outputs, PhotoModel

Batch = tuple[list[int], Outputs | None, list[ImageError]]


def embed_batches(
    model: Model,
    paths: Sequence[str | Path],
    *,
    batch: int = 32,
    skip: bool = False,
    cache: ImageCache | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """Embed pictures in order, holding only a few batches in memory.

    Args:
        model: anything that answers the model contract.
        paths: of the pictures.
        batch: pictures a model call.
        skip: leave unreadable pictures out and report them; False raises on the first.
        cache: of resized pictures; None decodes the originals, which a model that crops always needs.
        workers: threads that decode while the model computes.
        progress: advances once a picture, skipped ones included.

    Yields:
        (rows, outputs, errors): positions in `paths` of the embedded pictures, their outputs (None when the whole
        batch was unreadable), and what could not be read. Positions never shift.

    Raises:
        ImageError: with skip=False.
        InputError: batch < 1.
    """
    if batch < 1:
        raise InputError(f"batch is {batch}; a model call needs at least one picture.")
    watch, (read, see) = progress or Quiet(), _ways(model, cache)
    rows: list[int] = []
    kept: list[Any] = []
    errors: list[ImageError] = []
    for row, read_or_error in map_ordered(read, paths, workers, skip):
        if isinstance(read_or_error, ImageError):
            errors.append(read_or_error)
        else:
            rows.append(row)
            kept.append(read_or_error)
        if len(rows) + len(errors) == batch or row == len(paths) - 1:
            outputs = see(kept) if kept else None
            watch.advance(len(rows) + len(errors))
            yield rows, outputs, errors
            rows, kept, errors = [], [], []


def _ways(model: Model, cache: ImageCache | None) -> tuple[Callable[[str | Path], Any], Callable[[list[Any]], Outputs]]:
    """How a picture is read, beside the model, and how the model sees what was read.

    A model that crops sees the photos themselves, at their full size, so that an embedding never depends on what a
    cache keeps; the others see pictures fitted to their input.
    """
    preprocess = model.card.preprocess
    if model.card.crops is not None and isinstance(model, PhotoModel):
        return open_image, model.photos
    target = decode_side(preprocess)

    def read(path: str | Path) -> NDArray[np.uint8]:
        return fit(cache.open(path) if cache else open_image(path, target=target), preprocess)

    return read, lambda pixels: model(normalise(np.stack(pixels), preprocess))


def embed(
    model: Model,
    paths: Sequence[str | Path],
    ids: Sequence[str],
    *,
    batch: int = 32,
    skip: bool = False,
    cache: ImageCache | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> tuple[EmbeddingTable, list[ImageError]]:
    """Embed all pictures into one table; see `embed_batches` for the arguments.

    Args:
        ids: one a path; the table holds those whose picture could be read, in order.

    Returns:
        The table, and the errors of the pictures that were left out (empty unless `skip`).

    Raises:
        ShapeError: ids and paths differ in number.
        InputError: there are no paths, or none of the pictures can be read.
        ImageError: a picture cannot be read and `skip` is off.
    """
    if len(ids) != len(paths):
        raise ShapeError(f"{len(ids)} ids for {len(paths)} paths; give one id a picture.")
    if not paths:
        raise InputError("There is no picture to embed: the list of paths is empty.")
    kept: list[int] = []
    parts: list[Outputs] = []
    errors: list[ImageError] = []
    batches = embed_batches(model, paths, batch=batch, skip=skip, cache=cache, workers=workers, progress=progress)
    for rows, outputs, unread in batches:
        kept += rows
        errors += unread
        if outputs is not None:
            parts.append(outputs)
    if not parts:
        raise InputError(f"None of the {len(paths)} pictures can be read. The first: {errors[0]}")
    return EmbeddingTable(tuple(ids[row] for row in kept), Outputs.join(parts), model.card), errors
