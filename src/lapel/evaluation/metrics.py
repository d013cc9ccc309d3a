"""Ranking metrics as pure NumPy functions: a value a query first, averaging as a separate last step.

What holds for all of them, so that a number can be read without the code:

- *Ties.* Rankings are stable: of two gallery items with the same score, the one that comes first in the gallery
  stands first. (The published ASEN code sorts unstably, so its order of exact ties is undefined.)
- *Query without relevant items.* It scores 0 and it counts, as published.
- *k beyond the gallery.* The list is used as it is; nothing is padded. Each docstring says what is divided by.
- *The query itself.* Never removed here: a protocol (`lapel.evaluation.protocols`) decides what is ranked.

Figures are fractions in [0, 1]; reports multiply by 100.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lapel.errors import InputError

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

DCG_SCALE = 0.01757
"""The constant that the published ASEN scorer multiplies its DCG by; kept so that numbers agree."""


def rank(similarities: ArrayLike) -> NDArray[np.int64]:
    """Gallery rows best first, one ranking a query.

    Args:
        similarities: (..., N), higher is nearer.

    Returns:
        (..., N) int64. Equal scores keep gallery order (a stable sort).

    >>> rank([[0.1, 0.9, 0.1, 0.5]])
    array([[1, 3, 0, 2]])
    """
    return np.argsort(-np.asarray(similarities), axis=-1, kind="stable").astype(np.int64, copy=False)


def average_precision(relevant: ArrayLike) -> Doubles:
    """AP over the full ranking: (1/R) * sum over ranks k that hold a relevant item of (relevant in the first k) / k.

    Args:
        relevant: (..., N), best first, true where the ranked item is relevant. Pass the whole ranking: R, the
            denominator, is the number of relevant items *in this list*.

    Returns:
        (...) float64 in [0, 1]; 0 where nothing is relevant, an empty list included.

    >>> average_precision([[True, False, True], [False, False, False]])
    array([0.83333333, 0.        ])
    """
    hits = np.asarray(relevant, dtype=bool)
    found = np.cumsum(hits, axis=-1)
    precision = np.where(hits, found / np.arange(1, hits.shape[-1] + 1), 0.0)
    return _divide(precision.sum(axis=-1), hits.sum(axis=-1))


def reciprocal_rank(relevant: ArrayLike) -> Doubles:
    """1 / rank of the first relevant item; 0 where nothing is relevant.

    Args:
        relevant: (..., N), best first; gains above 0 count as relevant.

    >>> reciprocal_rank([[0, 0, 1, 1], [0, 0, 0, 0]])
    array([0.33333333, 0.        ])
    """
    hits = np.asarray(relevant) > 0
    if hits.shape[-1] == 0:
        return np.zeros(hits.shape[:-1])
    return np.where(hits.any(axis=-1), 1.0 / (hits.argmax(axis=-1) + 1), 0.0)


def precision_at(gains: ArrayLike, k: int) -> Doubles:
    """Share of relevant items (gain > 0) among the first k.

    Denominator: k, or the length of the list where that is shorter.

    Args:
        gains: (..., N), best first.
        k: how many ranks count, >= 1.

    >>> float(precision_at([2, 0, 1, 0, 3], 3)), float(precision_at([1, 0], 10))
    (0.6666666666666666, 0.5)
    """
    top = _first(gains, k) > 0
    return _divide(top.sum(axis=-1), np.asarray(top.shape[-1]))


def average_precision_at(gains: ArrayLike, k: int) -> Doubles:
    """AP whose sum stops at rank k but whose denominator is *all* relevant items of the list.

    Args:
        gains: (..., N), best first and whole; gains above 0 count as relevant.
        k: the last rank that counts, >= 1.

    Differs from the usual AP@k, which divides by min(k, R): here a query with R > k cannot reach 1.

    >>> float(average_precision_at([1, 1, 1, 1], 2))
    0.5
    """
    hits = np.asarray(gains) > 0
    top = _first(hits, k)
    precision = np.where(top, np.cumsum(top, axis=-1) / np.arange(1, top.shape[-1] + 1), 0.0)
    return _divide(precision.sum(axis=-1), hits.sum(axis=-1))


def ndcg_at(gains: ArrayLike, k: int) -> Doubles:
    """DCG over ideal DCG with DCG = rel_1 + sum over ranks i >= 2 of rel_i / log2(i).

    The ideal order sorts the *whole* list and is then cut at k. 0 where no gain is above 0.

    Args:
        gains: (..., N), best first and whole, >= 0.
        k: the last rank that counts, >= 1.

    Differs from the usual NDCG: the discount is log2(i), so ranks 1 and 2 weigh the same, and the gain is linear.

    >>> float(ndcg_at([0, 1], 2)), round(float(ndcg_at([0, 0, 0, 1], 4)), 3)
    (1.0, 0.5)
    """
    whole = np.asarray(gains, dtype=np.float64)
    ideal = -np.sort(-whole, axis=-1)
    return _divide(_linear_dcg(_first(whole, k)), _linear_dcg(_first(ideal, k)))


def dcg_at(gains: ArrayLike, k: int) -> Doubles:
    """0.01757 * sum over ranks i <= k of (2^rel_i - 1) / log2(i + 1); no normalisation by an ideal order.

    Args:
        gains: (..., N), best first, >= 0.
        k: the last rank that counts, >= 1.

    >>> round(float(dcg_at([1, 0, 1], 3)), 6)
    0.026355
    """
    top = _first(np.asarray(gains, dtype=np.float64), k)
    discount = np.log2(np.arange(2, top.shape[-1] + 2))
    return np.asarray(DCG_SCALE * ((2.0**top - 1) / discount).sum(axis=-1))


def recall_at(relevant: ArrayLike, k: int) -> Doubles:
    """1 where at least one of the first k items is relevant, else 0; its mean over queries is R@k.

    This is the retrieval papers' R@k (a hit rate), not the share of all relevant items that were found.

    Args:
        relevant: (..., N), best first; gains above 0 count as relevant.
        k: how many ranks count, >= 1.

    >>> recall_at([[0, 0, 1], [1, 0, 0]], 2)
    array([0., 1.])
    """
    return np.asarray((_first(relevant, k) > 0).any(axis=-1), dtype=np.float64)


def chance_ap(relevant: ArrayLike, total: ArrayLike) -> Doubles:
    """Expected AP of a random ranking: (1/N) * (H_N + (R - 1) / (N - 1) * (N - H_N)), H_N the harmonic number.

    Args:
        relevant: R, how many gallery items are relevant, 0 <= R <= N; any shape.
        total: N, how many items are ranked; broadcasts against `relevant`.

    Returns:
        float64; 0 where R = 0, 1 where R = N > 0.

    >>> chance_ap([0, 1, 2], [2, 2, 2])
    array([0.  , 0.75, 1.  ])
    """
    r, n = np.broadcast_arrays(np.asarray(relevant, np.float64), np.asarray(total, np.float64))
    h = _harmonic(n)
    share = np.where(n > 1, (r - 1) / np.maximum(n - 1, 1), 0.0)
    return np.where(r > 0, (h + share * (n - h)) / np.maximum(n, 1), 0.0)


def bootstrap(
    scores: ArrayLike,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
    counts: ArrayLike | None = None,
) -> tuple[float, float]:
    """Percentile interval of a mean over queries, by resampling with replacement.

    Args:
        scores: (Q,) one figure a query, e.g. its AP; with `counts`, the sum of the figures of a group of queries.
        seed: of NumPy's PCG64; the same seed gives the same interval.
        resamples: how many means are drawn.
        level: 0.95 gives the 2.5th and 97.5th percentile.
        counts: (Q,) queries in each group, where groups are resampled whole: the queries that one photo makes
            under several attributes rise and fall together. None means one query each.

    Returns:
        (low, high); both NaN for no query.

    >>> bootstrap([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    means = resampled_means(scores, seed, resamples, counts)
    if len(means) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def resampled_means(
    scores: ArrayLike, seed: int = 0, resamples: int = 2000, counts: ArrayLike | None = None, block: int = 1_000_000
) -> Doubles:
    """(resamples,) bootstrap means, see `bootstrap`; empty for no query. At most `block` draws are held at once."""
    values = np.asarray(scores, dtype=np.float64).ravel()
    size = len(values)
    if size == 0:
        return np.empty(0)
    weights = np.ones(size) if counts is None else np.asarray(counts, dtype=np.float64).ravel()
    draw = np.random.default_rng(seed)
    step = max(1, block // size)
    means = []
    for start in range(0, resamples, step):
        chosen = draw.integers(0, size, (min(step, resamples - start), size))
        means.append(values[chosen].sum(axis=1) / weights[chosen].sum(axis=1))
    return np.concatenate(means)


def _first(ranked: ArrayLike, k: int) -> NDArray[Any]:
    if k < 1:
        raise InputError(f"k is {k}; a cut-off is at least 1.")
    return np.asarray(ranked)[..., :k]


def _divide(total: ArrayLike, count: ArrayLike) -> Doubles:
    top, bottom = np.asarray(total, np.float64), np.asarray(count, np.float64)
    return np.asarray(np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0))


def _linear_dcg(gains: NDArray[Any]) -> Doubles:
    discount = np.log2(np.maximum(np.arange(1, gains.shape[-1] + 1), 2))
    return np.asarray((gains / discount).sum(axis=-1))


def _harmonic(n: Doubles) -> Doubles:
    sizes, place = np.unique(n, return_inverse=True)
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int(sizes.max(initial=0)) + 1))])
    return sums[sizes.astype(np.int64)][place].reshape(n.shape)
