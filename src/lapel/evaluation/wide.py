"""Exact rankings of a gallery too large for even one row of scores: ranks by counting, block against block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.ranking import LEFT_OUT, Keys, Ranked, places_of, similarities, sorted_keys
from lapel.evaluation.relevance import Relevance
from lapel.schema import Floats

ONE = np.uint64(1)


def rank_wide(queries: Floats, gallery: Floats, relevance: Relevance, *, top: int, memory: int) -> Ranked:
    """As `rank_all`, in memory that does not grow with the gallery.

    Sorted keys of one gallery block at a time. A first pass collects the keys of relevant items until `memory / 4`
    is full; a second pass counts, for each of them, the items and the relevant items whose key is smaller. Those
    counts are its rank and its rank among the relevant, which is all that AP needs. Both passes repeat until the
    gallery is through, so a query with very many relevant items costs time, not memory.
    """
    width = int(min(len(gallery), max(256, memory // (4 * 32 * 8))))
    rows = int(min(len(queries), max(1, memory // (4 * 32 * width))))
    keep = max(1, memory // (4 * 24 * rows))
    return Ranked.join(
        [
            _Rows(queries, gallery, relevance, start, min(start + rows, len(queries)), width).rank(top, keep)
            for start in range(0, len(queries), rows)
        ]
    )


class _Rows:
    """Queries start:stop against the whole gallery, in blocks of `width` items."""

    def __init__(
        self, queries: Floats, gallery: Floats, relevance: Relevance, start: int, stop: int, width: int
    ) -> None:
        self.queries, self.gallery, self.relevance = queries[start:stop], gallery, relevance
        self.start, self.stop, self.width = start, stop, width
        self.count = stop - start
        self.total = np.zeros(self.count)
        self.first = np.zeros(self.count, np.int64)
        self.relevant = np.zeros(self.count, np.int64)
        self.ranked = np.zeros(self.count, np.int64)

    def rank(self, top: int, keep: int) -> Ranked:
        best = np.full((self.count, top), LEFT_OUT, np.uint64)
        held: list[list[Keys]] = [[] for _ in range(self.count)]
        size = 0
        for keys in self._blocks():
            best = np.sort(np.concatenate([best, keys[:, :top]], axis=1), axis=1)[:, :top]
            for row, line in enumerate(keys):
                self.ranked[row] += np.searchsorted(line, LEFT_OUT)
                held[row].append(line[(line & ONE).astype(bool)])
            size += max(len(lines[-1]) for lines in held)
            if size >= keep:
                self._count(held)
                held, size = [[] for _ in range(self.count)], 0
        self._count(held)
        return Ranked(
            self.total / np.maximum(self.relevant, 1), self.first, self.relevant, self.ranked, places_of(best)
        )

    def _blocks(self) -> Iterator[Keys]:
        scores = np.empty((self.count, self.width), np.float32)
        for offset in range(0, len(self.gallery), self.width):
            part = self.gallery[offset : offset + self.width]
            block = similarities(self.queries, part, np.ascontiguousarray(scores[:, : len(part)]))
            yield sorted_keys(block, self.relevance, self.start, self.stop, offset)

    def _count(self, held: list[list[Keys]]) -> None:
        """Add what the held relevant items contribute to AP, and note the best rank among them."""
        wanted = [np.sort(np.concatenate(lines)) if lines else np.empty(0, np.uint64) for lines in held]
        if not any(len(line) for line in wanted):
            return
        above: list[NDArray[np.int64]] = [np.zeros(len(line), np.int64) for line in wanted]
        found: list[NDArray[np.int64]] = [np.zeros(len(line), np.int64) for line in wanted]
        for keys in self._blocks():
            for row, line in enumerate(keys):
                place = np.searchsorted(line, wanted[row])
                above[row] += place
                found[row] += np.concatenate([[0], np.cumsum(line & ONE, dtype=np.int64)])[place]
        for row, rank in enumerate(above):
            if len(rank) == 0:
                continue
            self.total[row] += ((found[row] + 1) / (rank + 1)).sum()
            self.relevant[row] += len(rank)
            lead = int(rank[0]) + 1
            self.first[row] = min(self.first[row], lead) if self.first[row] else lead
