"""The same scores for parts of the queries: does a model serve one section of a shop as well as the other?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lapel.errors import InputError, UnknownName
from lapel.evaluation.metrics import bootstrap, chance_ap
from lapel.evaluation.record import Evaluation
from lapel.schema import ItemTable

FEWEST = 5
"""Queries that a figure needs at least; fewer are left out."""


@dataclass(frozen=True)
class SliceScore:
    """MAP, its 95 % interval and chance, in percent, over the `queries` of a slice; the gallery is the whole one."""

    map: float
    low: float
    high: float
    chance: float
    queries: int


def slice_scores(evaluation: Evaluation, items: ItemTable, by: str, seed: int = 0) -> dict[str, dict[str, SliceScore]]:
    """Value of `by` -> attribute -> score over the queries whose photo holds that value.

    Chance is that of the slice's own queries: where a value is rarer among what is ranked, chance is lower too, so
    compare MAP above chance rather than MAP.

    Args:
        evaluation: fresh from `evaluate` or `evaluate_embeddings`; a loaded one lacks the rankings.
        items: the table that was evaluated. by: a labelled attribute of it, which the model need not know.
        seed: of the intervals.

    Raises:
        InputError: the evaluation was loaded from a file. UnknownName: the table has no such attribute.
    """
    if not evaluation.details:
        raise InputError("Slices need the rankings, which a saved evaluation does not hold: evaluate again.")
    if by not in items.vocabulary.names:
        raise UnknownName("attribute", by, items.vocabulary.names, items.name)
    places = {item: row for row, item in enumerate(items.ids)}
    rows = np.array([places[item] for item in evaluation.ids], dtype=np.int64)
    labels = items.labels(by)
    held = labels.multi_hot[rows]
    found: dict[str, dict[str, SliceScore]] = {}
    for number, value in enumerate(labels.values):
        scores = {}
        for name, detail in evaluation.details.items():
            chosen = held[detail.task.queries, number]
            if name == by or chosen.sum() < FEWEST:
                continue
            ranked = detail.ranked
            low, high = bootstrap(ranked.ap[chosen], seed)
            chance = float(chance_ap(ranked.relevant[chosen], ranked.ranked[chosen]).mean())
            mean = float(ranked.ap[chosen].mean())
            scores[name] = SliceScore(100 * mean, 100 * low, 100 * high, 100 * chance, int(chosen.sum()))
        if scores:
            found[value] = scores
    return found


def slices_to_dict(found: dict[str, dict[str, SliceScore]]) -> dict[str, Any]:
    """JSON-ready, in percent with two decimals."""
    return {
        value: {name: {key: round(number, 2) for key, number in asdict(score).items()} for name, score in one.items()}
        for value, one in found.items()
    }
