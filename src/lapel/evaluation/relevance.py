"""Which gallery items are relevant to a query, and which are left out of its ranking; never a whole (Q, N) matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lapel.schema import Labels

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Relevance:
    """Relevant when query and gallery item share a value.

    queries, gallery: (Q,), (N,) codes, all >= 0.
    cells: (C, V) bool, the values that each code holds; None when a code *is* the value, so that equal codes share it.
    query_groups, gallery_groups: (Q,), (N,) group numbers; gallery items of the query's own group (itself and its
        near duplicates) are left out of its ranking. None leaves nothing out.
    """

    queries: Ints
    gallery: Ints
    cells: NDArray[np.bool_] | None = None
    query_groups: Ints | None = None
    gallery_groups: Ints | None = None

    @classmethod
    def of_values(cls, queries: ArrayLike, gallery: ArrayLike) -> Relevance:
        """From one value an item; nothing is left out."""
        return cls(np.asarray(queries, np.int64), np.asarray(gallery, np.int64))

    @classmethod
    def of_labels(
        cls, labels: Labels, queries: ArrayLike, gallery: ArrayLike, groups: ArrayLike | None = None
    ) -> Relevance:
        """From one attribute's labels.

        Args:
            labels: of n items.
            queries: row numbers into `labels`, all with a known label.
            gallery: likewise.
            groups: (n,) group numbers of near duplicates, or None to leave nothing out.
        """
        asked, ranked = np.asarray(queries, np.int64), np.asarray(gallery, np.int64)
        cells = None
        if any(len(cell) != 1 for cell in labels.cells) or len(set(labels.cells)) != len(labels.cells):
            cells = np.zeros((len(labels.cells), len(labels.values)), bool)
            for row, cell in enumerate(labels.cells):
                cells[row, list(cell)] = True
        codes = labels.codes.astype(np.int64)
        if groups is None:
            return cls(codes[asked], codes[ranked], cells)
        near = np.asarray(groups, np.int64)
        return cls(codes[asked], codes[ranked], cells, near[asked], near[ranked])

    def rows(self, start: int, stop: int, first: int, last: int) -> NDArray[np.bool_]:
        """(stop - start, last - first) bool: queries start:stop against gallery first:last."""
        if self.cells is None:
            return np.asarray(self._codes[0][start:stop, None] == self._codes[1][first:last])
        asked = self.cells[self.queries[start:stop]].astype(np.float32)
        shares = (asked @ self.cells.T.astype(np.float32)) > 0
        return np.take(shares, self.gallery[first:last], axis=1)

    def left_out(self, start: int, stop: int, first: int, last: int) -> tuple[Ints, Ints]:
        """Rows (from 0 at `start`) and columns (from 0 at `first`) of the pairs that are not ranked."""
        if self.query_groups is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        order, grouped = self._by_group
        asked = self.query_groups[start:stop]
        begin, end = np.searchsorted(grouped, asked, "left"), np.searchsorted(grouped, asked, "right")
        count = end - begin
        row = np.repeat(np.arange(stop - start), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        column = order[np.repeat(begin, count) + within]
        here = (column >= first) & (column < last)
        return row[here], column[here] - first

    @cached_property
    def _by_group(self) -> tuple[Ints, Ints]:
        groups = self.gallery_groups if self.gallery_groups is not None else np.empty(0, np.int64)
        order = np.argsort(groups, kind="stable")
        return order, groups[order]

    @cached_property
    def _codes(self) -> tuple[NDArray[np.signedinteger], NDArray[np.signedinteger]]:
        """Queries and gallery in the narrowest integer type that holds them: comparing them is most of the cost."""
        highest = max(self.queries.max(initial=0), self.gallery.max(initial=0))
        kind = next(t for t in (np.int8, np.int16, np.int32, np.int64) if highest <= np.iinfo(t).max)
        return self.queries.astype(kind), self.gallery.astype(kind)
