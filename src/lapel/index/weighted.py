"""What a catalogue searches: exact while that is fast enough, beyond that approximate with a measured recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.index.codes import NibbleCodes, scan
from lapel.index.exact import CODED_FROM, Doubles, ExactIndex, Term
from lapel.index.selecting import candidates
from lapel.schema.outputs import Floats

EXACT_BYTES = 640_000_000
"""Numbers that an exact search may read (items x dims x blocks): four blocks of 128 for 1.2 million items."""

RESCORED, LEAST_RESCORED = 10, 500
"""Rows that an approximate search scores again: this many times k, and no fewer than that."""

SAMPLE, SAMPLE_K, SEED = 32, 50, 0
"""Queries by which recall is measured, each reference a drawn item; hits asked of each."""


@dataclass(frozen=True)
class Found:
    """rows, scores: (k,), best first, scores exact. recall: None when `exact`."""

    rows: NDArray[np.int64]
    scores: Doubles
    exact: bool
    recall: float | None = None


class Index(ExactIndex):
    """`ExactIndex`, and a faster way for queries that would read more than `exact_bytes`.

    The faster way scans 4-bit codes of the blocks that the query needs and scores the best few thousand again from
    float32. Its recall (the share of the exact search's hits that it finds) is measured on this very collection the
    first time that so many blocks are asked for, and every such answer carries it.
    """

    def __init__(
        self, blocks: Mapping[str, Floats], coded_from: int = CODED_FROM, exact_bytes: int = EXACT_BYTES
    ) -> None:
        super().__init__(blocks, coded_from)
        self.exact_bytes = exact_bytes
        self._nibbles: dict[str, NibbleCodes] = {}
        self._recall: dict[int, float] = {}

    def find(self, terms: Sequence[Term], k: int, allow: NDArray[np.bool_] | None = None) -> Found:
        """The k best of the allowed rows. Arguments and errors: see `ExactIndex.search`."""
        names = frozenset(term.block for term in terms)
        rows = None if allow is None else np.flatnonzero(allow)
        if not self.coded or self.reads(names) <= self.exact_bytes or self.gathers(rows):
            return Found(*self.search(terms, k, allow), exact=True)
        recall = self.recall(len(names))
        return Found(*self.approximate(terms, k, rows), exact=False, recall=recall)

    def reads(self, names: frozenset[str]) -> int:
        """How many numbers an exact search over these blocks reads."""
        return sum(self.blocks[name].size for name in names if name in self.blocks)

    def approximate(
        self, terms: Sequence[Term], k: int, rows: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Doubles]:
        """The k best among the rows that look best in 4 bits; scores are exact, the choice is not."""
        wanted = self._wanted(terms)
        whole, _ = scan([(self._few_bits(name), vector) for name, vector in wanted.items()], self.count)
        places = candidates(whole if rows is None else whole[rows], max(LEAST_RESCORED, RESCORED * k), 0.0)
        near = places if rows is None else rows[places]
        products = self._products(wanted, near)
        return self.best(terms, near[candidates(products, k, self.rounding(terms))], k)

    def recall(self, blocks: int) -> float:
        """Share of true hits that `approximate` finds over so many blocks; blocks, references and weights drawn."""
        if blocks not in self._recall:
            draw = np.random.default_rng(SEED)
            found = [self._share_found(draw, blocks) for _ in range(SAMPLE)]
            self._recall[blocks] = float(np.mean(found))
        return self._recall[blocks]

    def _share_found(self, draw: np.random.Generator, blocks: int) -> float:
        names = draw.choice(sorted(self.blocks), blocks, replace=False)
        weights = draw.dirichlet(np.ones(blocks))
        terms = [
            Term(str(name), self.blocks[name][draw.integers(self.count)], float(weight))
            for name, weight in zip(names, weights, strict=True)
        ]
        true, near = self.search(terms, SAMPLE_K)[0], self.approximate(terms, SAMPLE_K)[0]
        return len(np.intersect1d(true, near)) / max(1, len(true))

    def _few_bits(self, name: str) -> NibbleCodes:
        with self._making:
            if name not in self._nibbles:
                self._nibbles[name] = NibbleCodes.of(self.blocks[name])
            return self._nibbles[name]
