"""Composed retrieval's data: a reference picture, a change in words, and the pictures that fit both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lapel.errors import TableError


@dataclass(frozen=True)
class ComposedQuery:
    """One query.

    reference: a picture's name in the set. captions: the change, one text or several by different annotators.
    targets: every right picture; empty where the truth is hidden (CIRR's test1).
    category: which gallery is ranked. members: the small set that subset recall ranks (CIRR), reference included.
    """

    reference: str
    captions: tuple[str, ...]
    targets: tuple[str, ...] = ()
    category: str = ""
    members: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True)
class ComposedSet:
    """One split of a data set.

    images: picture's name -> its file, for every picture that a query or gallery names.
    galleries: category -> the pictures that are ranked, in the data set's own order.
    texts: picture's name -> what is written about the picture itself, where anything is.
    missing: pictures that are named but not on disk; queries and galleries are without them (skip mode).
    notes: what a person should know of how this was read, as sentences.
    """

    name: str
    split: str
    images: Mapping[str, Path]
    galleries: Mapping[str, tuple[str, ...]]
    queries: tuple[ComposedQuery, ...]
    texts: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = {category: set(names) for category, names in self.galleries.items()}
        for query in self.queries:
            if query.category not in known:
                raise TableError(
                    f"{self.name}: query {query.id or query.reference} is of category '{query.category}'; this set has "
                    f"{', '.join(map(repr, known)) or 'none'}."
                )
            if absent := [t for t in (query.reference, *query.targets) if t not in self.images]:
                raise TableError(f"{self.name}: '{absent[0]}' is in a query but not among the set's pictures.")
            if not any(caption.strip() for caption in query.captions):
                raise TableError(f"{self.name}: the query from '{query.reference}' has an empty caption.")

    @property
    def complete(self) -> bool:
        """Whether every picture that the data set names was there."""
        return not self.missing
