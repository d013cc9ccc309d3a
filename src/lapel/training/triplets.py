"""The published triplet sampling, made safe for partial labels, several values in a cell, and rare values.

A triplet: an attribute, uniformly; one of its values, uniformly over those that can be drawn; an anchor and another
photo with that value; and a negative, a labelled photo that shares no value of that attribute with the anchor. The
negative comes by entry (ASEN: uniform over photos) or by value (ASEN++, RPF: a value first, then a photo of it).
The published code draws by rejection and never ends on a value that cannot be drawn; here such values are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.errors import TrainingError
from lapel.schema import ItemTable, Labels

Rows = NDArray[np.int64]


class Triplets(NamedTuple):
    """Rows of the training table, in the order of the three forwards; each (T,). attribute: index k."""

    anchor: Rows
    negative: Rows
    positive: Rows
    attribute: Rows


@dataclass(frozen=True)
class LeftOut:
    """A value that no triplet can ask for, and why."""

    attribute: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.attribute}={self.value}: {self.why}"


class _Pool:
    """What can be drawn under one attribute. Photos with equal label sets ("cells") are kept side by side."""

    def __init__(self, name: str, labels: Labels, negative: Literal["entry", "value"]) -> None:
        self.negative = negative
        self.order = np.flatnonzero(labels.known)[np.argsort(labels.codes[labels.known], kind="stable")]
        self.codes = labels.codes[self.order]
        self.sizes = np.bincount(self.codes, minlength=len(labels.cells)).astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])[:-1].astype(np.int64)
        holds = np.zeros((len(labels.cells), len(labels.values)), dtype=bool)
        for cell, values in enumerate(labels.cells):
            holds[cell, list(values)] = True
        self.holds = holds
        has_negative = np.array([(self.sizes * ~self._shares(cell)).sum() > 0 for cell in range(len(holds))], bool)
        self.members: dict[int, Rows] = {}
        self.anchors: dict[int, Rows] = {}
        self.left_out: list[LeftOut] = []
        for value, text in enumerate(labels.values):
            members = np.flatnonzero(holds[self.codes, value]) if len(self.codes) else np.empty(0, np.int64)
            anchors = members[has_negative[self.codes[members]]] if len(members) else members
            if len(members) < 2:
                self.left_out.append(LeftOut(name, text, f"{len(members)} training photos, a pair needs 2"))
            elif not len(anchors):
                self.left_out.append(LeftOut(name, text, "no training photo of another value"))
            else:
                self.members[value], self.anchors[value] = members, anchors

    def _shares(self, cell: int) -> NDArray[np.bool_]:
        shares: NDArray[np.bool_] = (self.holds & self.holds[cell]).any(axis=1)
        return shares

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Rows, Rows, Rows]:
        """`count` anchors, negatives and positives, as rows of the table."""
        values = rng.choice(np.array(sorted(self.members)), size=count)
        anchor, positive = np.empty(count, np.int64), np.empty(count, np.int64)
        for value in np.unique(values):
            at = np.flatnonzero(values == value)
            members, anchors = self.members[int(value)], self.anchors[int(value)]
            anchor[at] = rng.choice(anchors, size=len(at))
            other = rng.integers(0, len(members) - 1, size=len(at))
            other += other >= np.searchsorted(members, anchor[at])  # skip the anchor itself
            positive[at] = members[other]
        negative = np.empty(count, np.int64)
        cells = self.codes[anchor]
        for cell in np.unique(cells):
            at = np.flatnonzero(cells == cell)
            negative[at] = self._negatives(int(cell), len(at), rng)
        return self.order[anchor], self.order[negative], self.order[positive]

    def _negatives(self, cell: int, count: int, rng: np.random.Generator) -> Rows:
        allowed = self.sizes * ~self._shares(cell)
        if self.negative == "entry":
            return self._entries(allowed, count, rng)
        present = np.flatnonzero(allowed @ self.holds)
        values = rng.choice(present, size=count)
        drawn = np.empty(count, np.int64)
        for value in np.unique(values):
            at = np.flatnonzero(values == value)
            drawn[at] = self._entries(allowed * self.holds[:, value], len(at), rng)
        return drawn

    def _entries(self, sizes: Rows, count: int, rng: np.random.Generator) -> Rows:
        """Places in `order`, uniform over the photos of the cells whose size is kept."""
        ends = np.cumsum(sizes)
        ticket = rng.integers(0, ends[-1], size=count)
        cell = np.searchsorted(ends, ticket, side="right")
        return self.starts[cell] + ticket - (ends - sizes)[cell]


class TripletSampler:
    """Draws an epoch's triplets from (seed, epoch) alone, so that a resumed run draws the same.

    Args:
        items: the training rows; unknown cells take no part.
        attributes: names in index order; default all of the table.
        negative: "entry" or "value".

    Raises:
        TrainingError: no attribute has a value that can be drawn.
    """

    def __init__(
        self,
        items: ItemTable,
        attributes: Sequence[str] | None = None,
        negative: Literal["entry", "value"] = "entry",
        seed: int = 1,
    ) -> None:
        self.seed = seed
        names = tuple(attributes or items.vocabulary.names)
        pools = {k: _Pool(name, items.labels(name), negative) for k, name in enumerate(names)}
        self.left_out = tuple(item for pool in pools.values() for item in pool.left_out)
        self._pools = {k: pool for k, pool in pools.items() if pool.members}
        if not self._pools:
            raise TrainingError(
                f"{items.name}: no triplet can be drawn. An attribute needs a value with 2 training photos "
                "and a training photo of another value."
            )

    def epoch(self, epoch: int, count: int) -> Triplets:
        """`count` triplets for this epoch (from 1)."""
        rng = np.random.default_rng([self.seed, epoch])
        attribute = rng.choice(np.array(sorted(self._pools)), size=count).astype(np.int64)
        parts = np.empty((3, count), np.int64)
        for k in np.unique(attribute):
            at = np.flatnonzero(attribute == k)
            parts[:, at] = self._pools[int(k)].draw(len(at), rng)
        return Triplets(parts[0], parts[1], parts[2], attribute)
