"""Exact weighted search over several blocks of unit vectors: the truth that any approximate index is tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ShapeError, UnknownName
from lapel.schema.outputs import Floats

SLACK = 2e-5
"""How far a float32 cosine of at most a few thousand dimensions may lie from the float64 one; generous tenfold."""

DECIMALS = 12
"""Scores are rounded here, far below what float32 vectors can tell apart: scaled weights must not reorder equals."""

ROWS_AT_ONCE = 8192

GATHER_BELOW = 8
"""Under a filter that leaves less than one row in this many, its rows are copied out instead of scanning all."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """weight * cosine(vector, item's vector in `block`). vector: (D,), unit length. weight: negative for "not like"."""

    block: str
    vector: Floats
    weight: float


class ExactIndex:
    """n items by one (n, D) float32 matrix a block (an attribute, or the whole look); rows in insertion order.

    Rows are of unit length, or zeros where an item has no such vector: its cosine is 0 then.

    score(item) = sum over terms of weight * cosine. The scan runs in float32, one matrix-vector product a block;
    every item that could be among the best is then scored again in float64, so that the result is that of float64
    arithmetic whatever the matrix library's order of summation. Equal scores (after rounding to 1e-12) keep
    insertion order.
    """

    def __init__(self, blocks: Mapping[str, Floats]) -> None:
        self.blocks = {name: np.ascontiguousarray(block, dtype=np.float32) for name, block in blocks.items()}
        lengths = {len(block) for block in self.blocks.values()}
        if len(lengths) > 1:
            raise ShapeError(f"Every block needs one row an item; these have {sorted(lengths)}.")
        self.count = lengths.pop() if lengths else 0

    def __len__(self) -> int:
        return self.count

    def search(
        self, terms: Sequence[Term], k: int, allow: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], Doubles]:
        """The k best of the allowed rows, best first.

        Args:
            terms: at least one.
            k: at least 1; fewer are returned when fewer rows are allowed.
            allow: (n,); None allows all.

        Returns:
            Row numbers and scores, (k,) each.

        Raises:
            UnknownName: a term's block is not here.
            ShapeError: a term's vector or the mask has another length.
        """
        if allow is not None and allow.shape != (self.count,):
            raise ShapeError(f"The mask has shape {allow.shape}; this index has {self.count} rows.")
        rows = None if allow is None else np.flatnonzero(allow)
        near = _candidates(self._scan(terms, rows), sum(abs(t.weight) for t in terms), k, rows)
        scores = self.scores(terms, near)
        order = np.lexsort((near, -scores))[:k]
        return near[order], scores[order]

    def scores(self, terms: Sequence[Term], rows: NDArray[np.int64]) -> Doubles:
        """(len(rows),) the exact score of each row, in float64."""
        total = np.zeros(len(rows))
        for term in terms:
            total += term.weight * self.cosines(term, rows)
        return np.round(total, DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0

    def cosines(self, term: Term, rows: NDArray[np.int64]) -> Doubles:
        """(len(rows),) each row's cosine with the term's vector, in float64; the weight is left out."""
        block, vector = self._block(term), _unit(term.vector[None].astype(np.float64))[0]
        cosines = np.zeros(len(rows))
        for at in range(0, len(rows), ROWS_AT_ONCE):
            chunk = _unit(block[rows[at : at + ROWS_AT_ONCE]].astype(np.float64))
            cosines[at : at + ROWS_AT_ONCE] = (chunk * vector).sum(axis=1)
        return np.clip(cosines, -1.0, 1.0)

    def _scan(self, terms: Sequence[Term], rows: NDArray[np.int64] | None) -> Floats:
        """Float32 scores of these rows (None: all), within `SLACK` of the exact ones per unit of weight."""
        wanted: dict[str, Floats] = {}
        for term in terms:
            self._block(term)
            weighted = np.float32(term.weight) * term.vector.astype(np.float32)
            wanted[term.block] = wanted[term.block] + weighted if term.block in wanted else weighted
        few = rows is not None and len(rows) < self.count / GATHER_BELOW
        total = np.zeros(len(rows) if few and rows is not None else self.count, np.float32)
        for name, vector in wanted.items():
            total += (self.blocks[name][rows] if few else self.blocks[name]) @ vector
        return total if few or rows is None else total[rows]

    def _block(self, term: Term) -> Floats:
        if term.block not in self.blocks:
            raise UnknownName("attribute", term.block, self.blocks, "This catalogue")
        block = self.blocks[term.block]
        if term.vector.shape != block.shape[1:]:
            raise ShapeError(f"'{term.block}' has vectors of {block.shape[1]} numbers; given {term.vector.shape}.")
        return block


def _unit(rows: Doubles) -> Doubles:
    """Float32 rows are unit only to 1e-7: enough to put an item behind its near twin. Zeros stay zeros."""
    norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))


def _candidates(scan: Floats, weight: float, k: int, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Every row that could be among the k best, ascending. scan: one score a row of `rows` (None: of all)."""
    if k < len(scan):
        kth = np.partition(scan, len(scan) - k)[len(scan) - k]
        near = np.flatnonzero(scan >= kth - np.float32(2 * SLACK * weight))
    else:
        near = np.arange(len(scan))
    return near if rows is None else rows[near]
