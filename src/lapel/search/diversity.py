"""Near duplicates among ranked hits, folded into the best of them.

Two items are near duplicates when both hold:

- their whole-look embeddings have a cosine of at least `LOOK_NEAR`;
- their pictures look the same by the rule of the data doctor (`lapel.images.near_groups`: perceptual hashes within 8 of
  64 bits, brightness steps correlating by 0.97), read from the thumbnails that the catalogue keeps.

The first costs nothing and spares the second for nearly every pair. Folding is greedy, from the best hit down: an item
is folded into the best hit that it is a near duplicate of, and only hits are compared with, so that a chain of small
differences does not swallow a whole range of products.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.images import alike, perceptual_hash, thumbnail
from lapel.schema import WHOLE_LOOK
from lapel.search.collection import Collection

LOOK_NEAR = 0.8
"""Of the pairs that the picture rule joins on fashion-products (474 photos), 95 % reach 0.81 under `lapel-lite`; the
rest are one pose in other colours. The look alone is not enough: 65 pairs of different products reach 0.99."""

Rows = NDArray[np.int64]


class Folding:
    """Which of some ranked rows are near duplicates of which.

    rows: (n,) best first.
    """

    def __init__(self, collection: Collection, rows: Rows) -> None:
        self.collection, self.rows = collection, rows
        look = collection.index.blocks[WHOLE_LOOK][rows]
        near = look @ look.T >= LOOK_NEAR
        np.fill_diagonal(near, False)
        self._near = near

    def heads(self, k: int) -> list[list[int]]:
        """At most k lists of places in `rows`: a hit, then what was folded into it; in the order of the hits.

        Rows behind the last hit are folded in as far as `rows` reaches.
        """
        found: list[list[int]] = []
        for place in range(len(self.rows)):
            head = next((group for group in found if self._same(group[0], place)), None)
            if head is not None:
                head.append(place)
            elif len(found) < k:
                found.append([place])
        return found

    def _same(self, one: int, other: int) -> bool:
        return bool(self._near[one, other]) and bool(self._alike[self._place[one], self._place[other]])

    @cached_property
    def _suspects(self) -> list[int]:
        return [int(place) for place in np.flatnonzero(self._near.any(axis=1))]

    @cached_property
    def _place(self) -> dict[int, int]:
        return {place: at for at, place in enumerate(self._suspects)}

    @cached_property
    def _alike(self) -> NDArray[np.bool_]:
        ids = [self.collection.ids[self.rows[place]] for place in self._suspects]
        kept = self.collection.store.rows(ids, ["thumb"])["thumb"].to_pylist()
        return _look_same(kept)


def _look_same(thumbs: Sequence[bytes | None]) -> NDArray[np.bool_]:
    """(n, n) near duplicates by the pictures; an item without a thumbnail has none."""
    same: NDArray[np.bool_] = np.zeros((len(thumbs), len(thumbs)), dtype=bool)
    there = [at for at, thumb in enumerate(thumbs) if thumb]
    if there:
        prints: list[tuple[int, Any]] = [_fingerprint(thumbs[at] or b"") for at in there]
        hashes = np.array([look for look, _ in prints], np.uint64)
        same[np.ix_(there, there)] = alike(hashes, np.stack([small for _, small in prints]))
    return same


def _fingerprint(jpeg: bytes) -> tuple[int, NDArray[np.uint8]]:
    with Image.open(io.BytesIO(jpeg)) as picture:
        shown = picture.convert("RGB")
    return perceptual_hash(shown), thumbnail(shown)
