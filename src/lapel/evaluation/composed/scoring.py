"""Query and gallery vectors of a split -> its figures under a protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.datasets.composed.text import joined
from lapel.errors import ProtocolError, ShapeError
from lapel.evaluation.composed.protocol import ComposedProtocol
from lapel.evaluation.composed.recall import Ranks, best_ranks, members_only, recall_at
from lapel.evaluation.composed.record import ComposedEvaluation, Figure
from lapel.evaluation.metrics import bootstrap
from lapel.schema import ComposedQuery, ComposedSet, Floats

AT_ONCE = 512
"""Queries whose whole ranking is in memory at a time."""


@dataclass(frozen=True)
class Asked:
    """One query as it is put to a model: the reference's name and the words."""

    query: ComposedQuery
    text: str

    @property
    def reference(self) -> str:
        """The reference picture's name."""
        return self.query.reference


def asked_of(data: ComposedSet, protocol: ComposedProtocol) -> list[Asked]:
    """The queries of a split as the protocol asks them.

    FashionIQ's two captions are joined as published; one caption is taken as it is written.
    """
    found = []
    for query in data.queries:
        two = len(query.captions) == 2
        if two and protocol.captions == "joined":
            texts = [joined(query.captions)]
        elif two and protocol.captions == "both orders":
            texts = [joined(query.captions), joined(query.captions, (1, 0))]
        else:
            texts = list(query.captions)
        found += [Asked(query, text) for text in texts]
    return found


def evaluate_composed(
    data: ComposedSet,
    protocol: ComposedProtocol,
    queries: Floats,
    gallery: Floats,
    names: Sequence[str],
    *,
    model: str = "",
    model_fingerprint: str = "",
) -> ComposedEvaluation:
    """Rank each query's gallery by dot product.

    Args:
        queries: (len(asked_of(data, protocol)), C), in that order.
        gallery: (len(names), C), one row a picture, every picture of every gallery among them.

    Raises:
        ShapeError: rows that do not fit.
        ProtocolError: the truth is hidden (CIRR's test1), or a gallery's picture has no vector.
    """
    asked = asked_of(data, protocol)
    if len(queries) != len(asked) or len(gallery) != len(names) or queries.shape[1:] != gallery.shape[1:]:
        raise ShapeError(f"{queries.shape} query and {gallery.shape} gallery rows; {len(asked)} queries were asked.")
    if not all(query.targets for query in data.queries):
        raise ProtocolError(f"{data.name} {data.split} hides its targets; only a submission can be written.")
    ranks = np.zeros(len(asked), np.int64)
    subset = np.zeros(len(asked) if protocol.subset else 0, np.int64)
    place = {name: row for row, name in enumerate(names)}
    for category, listed in data.galleries.items():
        rows = np.array([place.get(name, -1) for name in listed])
        if (rows < 0).any():
            raise ProtocolError(f"'{listed[int(np.argmin(rows))]}' is in the gallery but has no vector.")
        listed_vectors = gallery[rows]
        own = [at for at, one in enumerate(asked) if one.query.category == category]
        for start in range(0, len(own), AT_ONCE):
            part = np.array(own[start : start + AT_ONCE])
            scores = (queries[part] @ listed_vectors.T).astype(np.float64)
            ranks[part], within = _ranked([asked[at] for at in part], listed, scores, protocol)
            if protocol.subset:
                subset[part] = within
    return _summed_up(data, protocol, asked, ranks, subset, model, model_fingerprint)


def _ranked(
    asked: Sequence[Asked], listed: Sequence[str], scores: NDArray[np.float64], protocol: ComposedProtocol
) -> tuple[Ranks, Ranks]:
    at = {name: column for column, name in enumerate(listed)}
    right = np.zeros(scores.shape, bool)
    removed = np.zeros(scores.shape, bool)
    for row, one in enumerate(asked):
        right[row, [at[target] for target in one.query.targets if target in at]] = True
        if protocol.reference == "removed" and one.reference in at:
            removed[row, at[one.reference]] = True
    ranks = best_ranks(scores, right, removed)
    if not protocol.subset:
        return ranks, ranks
    members = [[at[m] for m in one.query.members if m in at and m != one.reference] for one in asked]
    return ranks, best_ranks(scores, right, members_only(members, len(listed)))


def _summed_up(
    data: ComposedSet,
    protocol: ComposedProtocol,
    asked: Sequence[Asked],
    ranks: Ranks,
    subset: Ranks,
    model: str,
    model_fingerprint: str,
) -> ComposedEvaluation:
    figures: dict[str, dict[str, Figure]] = {}
    for category, listed in data.galleries.items():
        own = np.array([one.query.category == category for one in asked])
        if not own.any():
            continue
        those = [one for one, mine in zip(asked, own, strict=True) if mine]
        row = {f"R@{k}": _figure(ranks[own], k, _chance(those, listed, k, protocol)) for k in protocol.cutoffs}
        for k in protocol.subset:
            row[f"R_subset@{k}"] = _figure(subset[own], k, _subset_chance(those, k))
        figures[category] = row
    mean = {name: float(np.mean([row[name].value for row in figures.values()])) for name in protocol.figures}
    return ComposedEvaluation(
        protocol.name,
        data.name,
        data.split,
        model,
        model_fingerprint,
        _fingerprint(data, asked),
        data.complete,
        len(asked),
        {category: len(listed) for category, listed in data.galleries.items()},
        figures,
        mean,
        float(np.mean([mean[name] for name in protocol.headline])),
        data.notes,
        tuple(one.query.id or one.reference for one in asked),
        ranks,
        subset,
    )


def _figure(ranks: Ranks, k: int, chance: float) -> Figure:
    low, high = bootstrap((ranks <= k).astype(np.float64))
    return Figure(float(recall_at(ranks, (k,))[0]), 100 * low, 100 * high, 100 * chance)


def _chance(asked: Sequence[Asked], listed: Sequence[str], k: int, protocol: ComposedProtocol) -> float:
    """Expected share of random rankings with a right picture among the first k: 1 - C(n - r, k) / C(n, k)."""
    known = set(listed)
    total = 0.0
    for one in asked:
        n = len(listed) - (protocol.reference == "removed" and one.reference in known)
        wrong = n - len(known.intersection(one.query.targets))
        misses = np.arange(wrong - k + 1, wrong + 1) / np.arange(n - k + 1, n + 1) if wrong >= k else np.zeros(1)
        total += 1 - float(np.prod(misses))
    return total / len(asked)


def _subset_chance(asked: Sequence[Asked], k: int) -> float:
    return float(np.mean([min(1.0, k / max(1, len(set(one.query.members) - {one.reference}))) for one in asked]))


def _fingerprint(data: ComposedSet, asked: Sequence[Asked]) -> str:
    digest = hashlib.sha256()
    parts: Mapping[str, Sequence[str]] = data.galleries
    for category, listed in parts.items():
        digest.update("\0".join((category, *listed)).encode() + b"\1")
    for one in asked:
        digest.update("\0".join((one.reference, one.text, *one.query.targets)).encode() + b"\2")
    return digest.hexdigest()[:16]
