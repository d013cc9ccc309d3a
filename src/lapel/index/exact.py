"""Exact weighted search over several blocks of unit vectors: the truth that any approximate index is tested against."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ShapeError, UnknownName
from lapel.index.codes import ByteCodes
from lapel.index.codes import scan as scan_codes
from lapel.index.selecting import candidates
from lapel.runtime.integers import exact_products
from lapel.schema.outputs import Floats

SLACK = 2e-5
"""How far a float32 cosine of at most a few thousand dimensions may lie from the float64 one; generous tenfold."""

DECIMALS = 12
"""Scores are rounded here, far below what float32 vectors can tell apart: scaled weights must not reorder equals."""

ROWS_AT_ONCE = 8192

GATHER_BELOW, GATHER_BELOW_CODED = 8, 40
"""Under a filter that leaves less than one row in this many, its rows are copied out instead of scanning all; a scan
of codes is so fast that this pays only for fewer."""

CODED_FROM = 4_096
"""From this many items the scan reads 8-bit codes; below, float32 is as fast and needs no codes."""

REFINE = 4
"""More candidates than this many times k are narrowed down in float32 before they are scored in float64."""

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

    score(item) = sum over terms of weight * cosine. A scan, in float32 or over 8-bit codes (`index.codes`), finds
    every item that could be among the best, by a proven bound of its error; these are scored again in float64, so
    that the result is that of float64 arithmetic whatever the codes or the matrix library's order of summation.
    Equal scores (after rounding to 1e-12) keep insertion order.

    coded_from: from how many items codes are used; made of a block when it is first searched, or by `prepare`.
    """

    def __init__(self, blocks: Mapping[str, Floats], coded_from: int = CODED_FROM) -> None:
        self.blocks = {name: np.ascontiguousarray(block, dtype=np.float32) for name, block in blocks.items()}
        lengths = {len(block) for block in self.blocks.values()}
        if len(lengths) > 1:
            raise ShapeError(f"Every block needs one row an item; these have {sorted(lengths)}.")
        self.count = lengths.pop() if lengths else 0
        self.coded = self.count >= coded_from and exact_products()
        self._bytes: dict[str, ByteCodes] = {}
        self._making = threading.Lock()

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
        return self.best(terms, self._near(self._wanted(terms), self.rounding(terms), k, rows), k)

    def best(self, terms: Sequence[Term], near: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], Doubles]:
        """The k best of these rows by their exact scores, best first."""
        scores = self.scores(terms, near)
        order = np.lexsort((near, -scores))[:k]
        return near[order], scores[order]

    def prepare(self, names: Iterable[str] | None = None) -> None:
        """Make the codes of these blocks (None: all) now rather than when they are first searched."""
        for name in self.blocks if names is None else names:
            if self.coded:
                self._codes(name)

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

    def _wanted(self, terms: Sequence[Term]) -> dict[str, Floats]:
        """Block -> weighted sum of its terms' vectors: one product a block."""
        wanted: dict[str, Floats] = {}
        for term in terms:
            self._block(term)
            weighted = np.float32(term.weight) * term.vector.astype(np.float32)
            wanted[term.block] = wanted[term.block] + weighted if term.block in wanted else weighted
        return wanted

    def _near(
        self, wanted: Mapping[str, Floats], slack: float, k: int, rows: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Every row, of these (None: all), that could be among the k best; ascending. slack: see `rounding`."""
        if self.gathers(rows):
            scan, error = self._products(wanted, rows), slack
        elif self.coded:
            whole, error = scan_codes([(self._codes(name), vector) for name, vector in wanted.items()], self.count)
            scan, error = whole if rows is None else whole[rows], error + slack
        else:
            whole, error = self._products(wanted, None), slack
            scan = whole if rows is None else whole[rows]
        near = candidates(scan, k, 2 * error)
        near = near if rows is None else rows[near]
        if len(near) > REFINE * k and error > slack:
            near = near[candidates(self._products(wanted, near), k, 2 * slack)]
        return near

    def rounding(self, terms: Sequence[Term]) -> float:
        """How far float32 arithmetic may put a score from the exact one."""
        return SLACK * sum(abs(term.weight) for term in terms)

    def gathers(self, rows: NDArray[np.int64] | None) -> bool:
        """Whether a filter leaves so few rows that reading them alone is faster than a scan."""
        few = GATHER_BELOW_CODED if self.coded else GATHER_BELOW
        return rows is not None and len(rows) < self.count / few

    def _products(self, wanted: Mapping[str, Floats], rows: NDArray[np.int64] | None) -> Floats:
        """Float32 scores of these rows (None: all), within `SLACK` of the exact ones per unit of weight."""
        total = np.zeros(self.count if rows is None else len(rows), np.float32)
        for name, vector in wanted.items():
            total += (self.blocks[name] if rows is None else self.blocks[name][rows]) @ vector
        return total

    def _codes(self, name: str) -> ByteCodes:
        with self._making:  # two searches at once must not both make them
            if name not in self._bytes:
                self._bytes[name] = ByteCodes.of(self.blocks[name])
            return self._bytes[name]

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
