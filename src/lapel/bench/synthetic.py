"""A stored catalogue of drawn vectors: as large as wished, clustered as learnt embeddings are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.catalogue import Catalogue
from lapel.errors import ModelError
from lapel.progress import Progress, Quiet
from lapel.schema import Card, Floats, Outputs, Preprocess, Vocabulary
from lapel.store import writing

ATTRIBUTES, DIM, LOOK, GRID = 8, 128, 128, (7, 7)
CLUSTERS, SPREAD = 2_000, 0.08
"""Centres an attribute, and the noise of each number: two items of a cluster have a cosine of 0.55 on average."""

ROWS_A_COMMIT, THUMB_BYTES = 20_000, 2_000
BRANDS, VALUES = 40, 3


class NoModel:
    """Stands for the model of drawn vectors: it has a card and sees no picture."""

    def __init__(self) -> None:
        names = {f"attribute {number}": tuple(f"value {v}" for v in range(VALUES)) for number in range(ATTRIBUTES)}
        size = Preprocess(8, 8, "stretch", 8)
        self.card = Card("drawn vectors", "none", "none", Vocabulary.of(names), size, DIM, LOOK, GRID)
        self.card = self.card.with_(values_fitted=True)

    def __call__(self, pixels: Floats) -> Outputs:
        """Never asked: queries name items.

        Raises:
            ModelError: always.
        """
        raise ModelError("A catalogue of drawn vectors has no model; ask it by item:ID.")


def synthetic(folder: Path, items: int, seed: int = 0, progress: Progress | None = None) -> Catalogue:
    """Make and store a catalogue of `items` rows: 8 attributes x 128 dims, metadata, regions and thumbnails of noise.

    Columns: price (0 to 100, even), stock (0 to 99), brand (40 names), title.
    """
    made, watch = Catalogue.create(folder, NoModel()), progress or Quiet()
    with writing(folder):
        for rows in _rows(items, seed):
            made.store.append(rows)
            watch.advance(len(rows))
        made.store.compact()
        made.manifest = made.manifest.at(made.store.version)
        made.manifest.save(folder)
    return Catalogue.open(folder, NoModel())


def _rows(items: int, seed: int) -> Iterator[pa.Table]:
    draw = np.random.default_rng(seed)
    centres = _unit(draw.standard_normal((ATTRIBUTES + 1, CLUSTERS, DIM), dtype=np.float32))
    for start in range(0, items, ROWS_A_COMMIT):
        count = min(ROWS_A_COMMIT, items - start)
        blocks = np.stack([_clustered(draw, centre, count) for centre in centres], axis=1)
        maps = draw.random((count, ATTRIBUTES, *GRID), dtype=np.float32)
        values = draw.dirichlet(np.ones(VALUES), (count, ATTRIBUTES)).astype(np.float32)
        numbers = range(start, start + count)
        yield pa.table(
            {
                "id": [str(number) for number in numbers],
                "image": [f"/photos/{number:08}.jpg" for number in numbers],
                "hash": [f"{number:032x}" for number in numbers],
                "all": _fixed(blocks[:, :ATTRIBUTES]),
                "look": _fixed(blocks[:, ATTRIBUTES]),
                "values": _fixed(values),
                "regions": _fixed((maps / maps.sum(axis=(2, 3), keepdims=True)).astype(np.float16)),
                "thumb": pa.array([draw.bytes(THUMB_BYTES) for _ in numbers], pa.binary()),
                "price": 100 * draw.random(count),
                "stock": draw.integers(0, 100, count),
                "brand": [f"brand {number}" for number in draw.integers(0, BRANDS, count)],
                "title": [f"Garment no. {number}" for number in numbers],
            }
        )


def _clustered(draw: np.random.Generator, centres: Floats, count: int) -> Floats:
    noise = draw.standard_normal((count, DIM), dtype=np.float32)
    return _unit(centres[draw.integers(0, CLUSTERS, count)] + np.float32(SPREAD) * noise)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def _fixed(rows: NDArray[np.floating]) -> pa.FixedSizeListArray:
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
