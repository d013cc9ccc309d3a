"""What a report shows beside the figures: match curves, which value's queries find which values, telling queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.classification import Classification
from lapel.evaluation.metrics import chance_ap
from lapel.evaluation.record import Details
from lapel.schema import Labels

Doubles = NDArray[np.float64]

FURTHEST = 100
"""The last rank of a match curve."""


def match_curve(details: Details, furthest: int = FURTHEST) -> Doubles:
    """(k,) share of queries with a relevant item among the first 1, 2, ... k."""
    first = details.ranked.first
    counts = np.bincount(first[(first > 0) & (first <= furthest)], minlength=furthest + 1)[1:]
    return np.asarray(np.cumsum(counts) / max(1, len(first)))


def chance_match_curve(details: Details, furthest: int = FURTHEST) -> Doubles:
    """(k,) the same for random rankings: 1 - prod over i < k of (N - R - i) / (N - i), averaged over queries."""
    pairs, weight = np.unique(np.stack([details.ranked.relevant, details.ranked.ranked]), axis=1, return_counts=True)
    relevant, total = pairs[0][:, None].astype(np.float64), pairs[1][:, None].astype(np.float64)
    drawn = np.arange(furthest)
    misses = np.clip(total - relevant - drawn, 0, None) / np.clip(total - drawn, 1, None)
    hit = 1 - np.cumprod(np.where(drawn < total, misses, 1.0), axis=1)
    return np.asarray((hit * weight[:, None]).sum(axis=0) / max(1, weight.sum()))


@dataclass(frozen=True)
class Confusion:
    """Row i, column j: the share of the first hits of queries with value i that hold value j.

    names: the values shown, by number of queries. queries: (V,). left_out: values not shown, for want of room.
    """

    names: tuple[str, ...]
    shares: Doubles
    queries: NDArray[np.int64]
    left_out: int


def value_confusion(details: Details, labels: Labels, most: int = 24) -> Confusion:
    """Which values the first hits of each value's queries hold; a query or hit with several values counts for each.

    Args:
        details: with the best positions of every query.
        labels: of the rows that the task numbers.
        most: at most so many values, those with most queries.
    """
    hot = labels.multi_hot
    task, top = details.task, details.ranked.top
    asks = hot[task.queries]
    there = top >= 0
    found = (hot[task.gallery[np.where(there, top, 0)]] & there[..., None]).sum(axis=1)
    total = asks.T.astype(np.float64) @ found
    hits = asks.T.astype(np.float64) @ there.sum(axis=1)
    queries = asks.sum(axis=0)
    order = np.argsort(-queries, kind="stable")
    order = order[queries[order] > 0]
    shown = np.sort(order[:most])
    shares = total[np.ix_(shown, shown)] / np.maximum(hits[shown], 1)[:, None]
    return Confusion(tuple(labels.values[v] for v in shown), shares, queries[shown], max(0, len(order) - most))


def class_confusion(found: Classification, most: int = 24) -> Confusion:
    """Which classes the photos of each class are taken for, as shares of its photos.

    Args:
        most: at most so many classes, those with most photos.
    """
    support = found.confusion.sum(axis=1)
    order = np.argsort(-support, kind="stable")
    order = order[(support[order] > 0) | (found.confusion.sum(axis=0)[order] > 0)]
    shown = np.sort(order[:most])
    shares = found.confusion[np.ix_(shown, shown)] / np.maximum(support[shown], 1)[:, None]
    return Confusion(tuple(found.names[c] for c in shown), shares, support[shown], max(0, len(order) - most))


def telling_queries(details: Details, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Queries whose AP lies furthest above and furthest below their own chance level, best and worst first.

    Above chance rather than by AP: a query with a common value has a high AP whatever the model does. Queries
    without relevant items are left out.
    """
    ranked = details.ranked
    have = np.flatnonzero(ranked.relevant > 0)
    gain = ranked.ap[have] - chance_ap(ranked.relevant[have], ranked.ranked[have])
    order = have[np.argsort(-gain, kind="stable")]
    count = min(count, len(order) // 2)
    return order[:count], order[::-1][:count]
