"""Triplets that a release lists (UT-Zap50K with CSN's lists), in place of drawn ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lapel.errors import TrainingError
from lapel.schema import ItemTable
from lapel.training.triplets import LeftOut, Triplets


class ListedTriplets:
    """The training lists of all conditions, joined; a part of `count` is drawn once by the seed, as published.

    Each epoch goes through that part in another order, from (seed, epoch) alone; when more are asked for than there
    are, it begins again.

    Args:
        items: the training rows, with `triplets`.
        count: how many triplets the run uses in all; more than there are takes all.

    Raises:
        TrainingError: no listed triplet has all its photos.
    """

    left_out: tuple[LeftOut, ...] = ()

    def __init__(self, items: ItemTable, count: int, seed: int = 1, split: str = "train") -> None:
        self.seed = seed
        listed, self.missing = items.triplets.rows(items.ids, split) if items.triplets else ({}, 0)
        parts = [
            np.column_stack([listed[name], np.full(len(listed[name]), k)])
            for k, name in enumerate(items.vocabulary.names)
            if name in listed
        ]
        every: NDArray[np.int64] = np.concatenate(parts) if parts else np.empty((0, 4), np.int64)
        if not len(every):
            raise TrainingError(
                f"{items.name}: no triplet of the {split} lists has all three photos and one of the attributes "
                f"{', '.join(items.vocabulary.names)}."
            )
        chosen = np.random.default_rng([seed, count]).permutation(len(every))[:count]
        self.rows = every[chosen]

    def epoch(self, epoch: int, count: int) -> Triplets:
        """`count` triplets for this epoch (from 1)."""
        rng = np.random.default_rng([self.seed, epoch])
        rounds = -(-count // len(self.rows))
        order = np.concatenate([rng.permutation(len(self.rows)) for _ in range(rounds)])[:count]
        anchor, close, far, attribute = self.rows[order].T
        return Triplets(anchor, far, close, attribute)
