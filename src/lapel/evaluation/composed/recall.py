"""Recall of composed retrieval: at which place does the first right picture stand? (NumPy, pure.)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ShapeError

Ranks = NDArray[np.int64]

NOWHERE = np.iinfo(np.int64).max
"""The rank of a query without any right picture in the ranking."""


def best_ranks(
    scores: NDArray[np.floating], right: NDArray[np.bool_], removed: NDArray[np.bool_] | None = None
) -> Ranks:
    """(Q,) place, from 1, of each query's first right picture; `NOWHERE` when there is none.

    Args:
        scores: (Q, N), higher is nearer. Equal scores keep the gallery's order.
        right: (Q, N), which pictures count as a hit; several may (Fashion200k: every picture of the target's caption).
        removed: (Q, N), pictures that leave the ranking (CIRR: the reference).

    Raises:
        ShapeError: shapes that do not fit together, or a score that is no number.
    """
    if scores.shape != right.shape or (removed is not None and removed.shape != scores.shape):
        raise ShapeError(f"Scores are {scores.shape}, right pictures {right.shape}; both must be (queries, gallery).")
    if not np.isfinite(scores).all():
        raise ShapeError("A score is no number; the embeddings behind it are damaged.")
    stays = np.ones_like(right) if removed is None else ~removed
    ranks = np.full(len(scores), NOWHERE)
    for query, (row, hits, kept) in enumerate(zip(scores, right & stays, stays, strict=True)):
        places = np.flatnonzero(hits)
        if not len(places):
            continue
        top = row[places].max()
        first = places[row[places] == top][0]
        ahead = (row > top) | ((row == top) & (np.arange(len(row)) < first))
        ranks[query] = 1 + np.count_nonzero(ahead & kept)
    return ranks


def recall_at(ranks: Ranks, cutoffs: Sequence[int]) -> NDArray[np.float64]:
    """(len(cutoffs),) percent of queries whose first right picture is among the first K.

    Raises:
        ShapeError: no query at all.
    """
    if not len(ranks):
        raise ShapeError("There is no query, so there is no recall.")
    return np.array([100.0 * np.count_nonzero(ranks <= k) / len(ranks) for k in cutoffs])


def members_only(members: Sequence[Sequence[int]], size: int) -> NDArray[np.bool_]:
    """(Q, size): which pictures a query's own small set does *not* hold; remove them for subset recall (CIRR).

    members: gallery places of each query's set; the reference must have been left out of it already.
    """
    removed = np.ones((len(members), size), bool)
    for query, places in enumerate(members):
        removed[query, list(places)] = False
    return removed
