"""Filters that ask both a catalogue's columns and what its model predicts, in the same three-valued logic."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.schema import Card
from lapel.schema.condition import And, Condition, Not, Or, Predicted, predictions_of

Mask = NDArray[np.bool_]
Sides = tuple[Mask, Mask]
"""Where a condition holds, and where it does not; in neither it is unknown."""


def predictable(card: Card) -> Mapping[str, Sequence[str]] | None:
    """Attribute -> values that a filter may ask the model for; None when its values are not fitted."""
    return {a.name: a.values for a in card.vocabulary if a.values} if card.values_fitted else None


def meets(condition: Condition, stored: Callable[[Condition], Mask], predicts: Callable[[Predicted], Sides]) -> Mask:
    """(n,) the rows that meet a condition; unknown rows do not.

    stored: answers a condition on columns alone (a store does). predicts: answers one on predicted values.
    """
    if next(predictions_of(condition), None) is None:
        return stored(condition)
    return _sides(condition, stored, predicts)[0]


def _sides(condition: Condition, stored: Callable[[Condition], Mask], predicts: Callable[[Predicted], Sides]) -> Sides:
    if next(predictions_of(condition), None) is None:  # the store tells "no" from "unknown" by the negation
        return stored(condition), stored(Not(condition))
    match condition:
        case Predicted():
            return predicts(condition)
        case Not(term):
            holds, fails = _sides(term, stored, predicts)
            return fails, holds
        case And(terms) | Or(terms):
            parts = [_sides(term, stored, predicts) for term in terms]
            every, some = np.logical_and, np.logical_or
            both = (every, some) if isinstance(condition, And) else (some, every)
            holds, fails = (
                functools.reduce(join, side) for join, side in zip(both, zip(*parts, strict=True), strict=True)
            )
            return holds, fails
        case _:  # every other condition asks columns alone
            raise AssertionError(condition)
