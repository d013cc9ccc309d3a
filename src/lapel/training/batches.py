"""Our own sampling: photos under all attributes at once, the rare values of a rotating attribute brought forward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lapel.schema import ItemTable

Rows = NDArray[np.int64]


class BatchSampler:
    """Draws an epoch's batches from (seed, epoch) alone.

    Each batch has two parts. One goes through the training photos in shuffled order, so that none is forgotten;
    photos of a set with several passes come up as often.
    The other (`balanced` of the batch) belongs to one attribute, which rotates from batch to batch: its values take
    turns, and photos of the value are drawn at random, so that a rare value is met as often as a frequent one and
    nearly always beside a photo of its own.

    Args:
        items: the training rows; unknown cells take no part in the balanced half.
        passes: (n,) how often an epoch of the shuffled part goes through each photo; None: once.
    """

    def __init__(
        self, items: ItemTable, batch: int, balanced: float = 0.5, seed: int = 1, passes: Rows | None = None
    ) -> None:
        rows = np.arange(len(items))
        self._rows = rows if passes is None else rows.repeat(passes)
        self.count, self.batch, self.seed = len(self._rows), batch, seed
        self._members: list[list[Rows]] = []
        for name in items.vocabulary.names:
            held = items.labels(name).multi_hot
            members = [np.flatnonzero(held[:, v]).astype(np.int64) for v in range(held.shape[1])]
            if len(members := [m for m in members if len(m)]) > 1:
                self._members.append(members)
        self.share = round(batch * balanced) if self._members else 0

    @property
    def steps(self) -> int:
        """Batches in which the shuffled part goes once through all photos (all of it balanced: as if none were)."""
        return max(1, self.count // max(1, self.batch - self.share or self.batch))

    def epoch(self, epoch: int, steps: int) -> Rows:
        """(steps, batch) rows for this epoch (from 1)."""
        rng = np.random.default_rng([self.seed, epoch])
        shuffled = self._shuffled(steps * (self.batch - self.share), rng).reshape(steps, -1)
        if not self.share:
            return shuffled
        turn = rng.permutation(len(self._members))
        balanced = [self._balanced(self._members[turn[step % len(turn)]], rng) for step in range(steps)]
        return np.concatenate([shuffled, np.stack(balanced)], axis=1)

    def _shuffled(self, count: int, rng: np.random.Generator) -> Rows:
        rounds = -(-count // self.count)
        passes = [rng.permutation(self.count) for _ in range(rounds)] or [np.empty(0, np.int64)]
        return self._rows[np.concatenate(passes)[:count].astype(np.int64)]

    def _balanced(self, members: list[Rows], rng: np.random.Generator) -> Rows:
        """`share` photos: two of each value in random turn, until full."""
        rows: list[int] = []
        while len(rows) < self.share:
            for value in rng.permutation(len(members)):
                photos = members[value]
                rows.extend(rng.choice(photos, size=min(2, len(photos)), replace=False).tolist())
        return np.array(rows[: self.share], np.int64)
