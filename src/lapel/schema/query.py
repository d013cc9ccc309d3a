"""A search query and its answer: the same records for Python, command line, HTTP and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.errors import QueryError

WHOLE_LOOK = "look"
"""The name that stands for the whole-look embedding wherever an attribute may be named."""


@dataclass(frozen=True)
class Part:
    """One wish: look like this reference in these attributes.

    reference: a picture's path, or `item:ID` for an item of the catalogue.
    weights: attribute (or "look") -> weight > 0. `unlike` turns the part into "and not like this".
    """

    reference: str | Path
    weights: Mapping[str, float]
    unlike: bool = False

    def __post_init__(self) -> None:
        if not self.weights:
            raise QueryError(f"The reference '{self.reference}' names no attribute to compare.")
        for attribute, weight in self.weights.items():
            if not (0 < weight < float("inf")):
                raise QueryError(f"The weight of '{attribute}' is {weight}; a weight is a number above 0.")


@dataclass(frozen=True)
class Query:
    """Parts whose weighted cosines add up, a filter, and how many hits.

    score(item) = sum over parts and attributes of weight * cosine, `unlike` parts subtracted. Weights are
    divided by the sum of the weights of the wished (not `unlike`) parts, so a score without `unlike` is at most 1.
    """

    parts: tuple[Part, ...]
    where: str = ""
    k: int = 20

    def __post_init__(self) -> None:
        if not any(not part.unlike for part in self.parts):
            raise QueryError("A query needs at least one reference to look like (--like PHOTO:attribute=weight).")
        if self.k < 1:
            raise QueryError(f"k is {self.k}; ask for at least one hit.")


@dataclass(frozen=True)
class Contribution:
    """One term of a hit's score: weight (normalised, negative for `unlike`) * cosine."""

    reference: str
    attribute: str
    weight: float
    cosine: float


@dataclass(frozen=True)
class Hit:
    """One answer: the item, its score, and the terms that add up to it."""

    item: str
    score: float
    image: str
    parts: tuple[Contribution, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The hits, how they were found, and among how many items."""

    hits: tuple[Hit, ...]
    considered: int
    exact: bool
    weights: tuple[Contribution, ...] = ()
