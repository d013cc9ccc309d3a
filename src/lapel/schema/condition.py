"""A filter on an item's columns as a small tree: what `--where` is parsed into, and what every store understands.

A condition is three-valued as in SQL: a comparison with an empty cell is unknown, and an unknown row is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Value = str | int | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Compare:
    """`column operator value`."""

    column: str
    operator: Operator
    value: Value


@dataclass(frozen=True)
class Among:
    """`column in (values)`."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Like:
    """`column like pattern`: `%` stands for any text, `_` for one character; capital letters count."""

    column: str
    pattern: str


@dataclass(frozen=True)
class Contains:
    """`column contains text`, capital letters or not."""

    column: str
    text: str


@dataclass(frozen=True)
class IsNull:
    """`column is null`: the cell is empty."""

    column: str


@dataclass(frozen=True)
class Predicted:
    """`attribute = value with confidence c`: the model's most probable value of an attribute is one of `values`.

    Where its probability is below `confidence` the model does not know, as if the cell were empty.
    """

    attribute: str
    values: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Not:
    """`not term`; an unknown term stays unknown."""

    term: Condition


@dataclass(frozen=True)
class And:
    """All terms hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """At least one term holds."""

    terms: tuple[Condition, ...]


Leaf = Compare | Among | Like | Contains | IsNull | Predicted
Condition = Leaf | Not | And | Or


def columns_of(condition: Condition) -> Iterator[str]:
    """Every column a condition reads, in order, repeats included; predicted values stand in none."""
    return (leaf.column for leaf in _leaves(condition) if not isinstance(leaf, Predicted))


def predictions_of(condition: Condition) -> Iterator[Predicted]:
    """Every part that asks what the model predicts, in order."""
    return (leaf for leaf in _leaves(condition) if isinstance(leaf, Predicted))


def _leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case Not(term):
            yield from _leaves(term)
        case And(terms) | Or(terms):
            for part in terms:
                yield from _leaves(part)
        case _:
            yield condition
