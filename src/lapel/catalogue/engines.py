"""What turns photos into stored columns: threads and one model here, or a cluster (`catalogue.ray_engine`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from lapel.catalogue.columns import sizes, vectors
from lapel.errors import ImageError
from lapel.images import Source
from lapel.images.reading import map_ordered
from lapel.schema import Card, Model
from lapel.search.photo import Photo, embed_photos, read_photo

PHOTOS_A_PASS = 16
"""Eight runs of an exported model, which go side by side; 32 would be no faster on eight cores, and hold 40 MB more."""


@dataclass(frozen=True)
class Made:
    """What an engine made of some photos.

    places, hashes: (n,) which of the photos given, in order, and their content hashes. fresh: the distinct hashes
    among them that were embedded now; `columns`: one row for each (vectors and thumbnail), None when there is none.
    The others are stored already. errors: photos that could not be used, by place.
    """

    places: list[int]
    hashes: list[str]
    fresh: list[str]
    columns: pa.Table | None
    errors: list[tuple[int, ImageError]]


class Engine(Protocol):
    """Embeds photos, each distinct one once, in order."""

    def embed(self, photos: Sequence[Source], known: Container[str]) -> Iterator[Made]:
        """A few photos at a time.

        known: content hashes that are stored already; it grows while the caller stores what was made.
        """
        ...

    def close(self) -> None:
        """Give back what was started for embedding."""
        ...


class PlainEngine:
    """Threads read photos ahead of one model in this process."""

    def __init__(self, card: Card, model: Callable[[], Model], workers: int = 2) -> None:
        self.card, self.workers, self._model = card, workers, model

    def embed(self, photos: Sequence[Source], known: Container[str]) -> Iterator[Made]:
        """See `Engine`."""
        read = functools.partial(read_photo, card=self.card)
        batch: list[tuple[int, Photo]] = []
        errors: list[tuple[int, ImageError]] = []
        for place, photo in map_ordered(read, photos, self.workers, skip=True):
            if isinstance(photo, ImageError):
                errors.append((place, photo))
            else:
                batch.append((place, photo))
            if len(batch) + len(errors) >= PHOTOS_A_PASS:
                yield self._made(batch, errors, known)
                batch, errors = [], []
        if batch or errors:
            yield self._made(batch, errors, known)

    def close(self) -> None:
        """Nothing was started."""

    def _made(
        self, batch: list[tuple[int, Photo]], errors: list[tuple[int, ImageError]], known: Container[str]
    ) -> Made:
        distinct = {photo.hash: photo for _, photo in batch}
        fresh = [photo for digest, photo in distinct.items() if digest not in known]
        columns = vectors(embed_photos(self._model(), fresh), fresh, sizes(self.card)) if fresh else None
        hashes = [photo.hash for _, photo in batch]
        return Made([place for place, _ in batch], hashes, [photo.hash for photo in fresh], columns, errors)
