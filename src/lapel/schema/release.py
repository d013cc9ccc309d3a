"""What a table knows of the published release it was read from: its split sizes, and its judged triplets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

ROLE = "role"
"""The metadata column that says who asks and what is ranked in the protocol `query-gallery`.

`query` or `gallery` holds for every attribute of the row; `query:NAME` for that attribute alone; `a|b` holds both.
"""


@dataclass(frozen=True)
class Release:
    """A published data set on disk.

    name: as `lapel.datasets.RELEASES` calls it. photos: split -> photos that the published split has, so that a
    figure can say whether all of them took part; a split that is absent has no stated size.
    """

    name: str
    photos: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TripletLists:
    """Judged triplets: under a condition, the anchor is nearer to `close` than to `far`.

    names: item ids that the lists point into; they stay as they are when rows of the table are left out.
    lists: split -> attribute -> (T, 3) integers into `names`: anchor, close, far, in the file's order.
    """

    names: tuple[str, ...]
    lists: Mapping[str, Mapping[str, NDArray[np.int32]]]

    def used(self, split: str) -> NDArray[np.bool_]:
        """(len(names),) which items a split's triplets name."""
        used = np.zeros(len(self.names), bool)
        for rows in self.lists.get(split, {}).values():
            used[rows.ravel()] = True
        return used

    def rows(self, ids: Sequence[str], split: str) -> tuple[dict[str, Rows], int]:
        """The split's triplets as rows of `ids`, and how many were left out because an item is not there.

        Returns:
            attribute -> (T, 3) int64 rows: anchor, close, far; and the count left out.
        """
        place = {item: row for row, item in enumerate(ids)}
        where = np.array([place.get(name, -1) for name in self.names], np.int64)
        found, left_out = {}, 0
        for attribute, listed in self.lists.get(split, {}).items():
            rows = where[listed]
            have = (rows >= 0).all(axis=1)
            found[attribute] = rows[have]
            left_out += int((~have).sum())
        return found, left_out
