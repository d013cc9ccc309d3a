"""The counts that a release is published with, and how they compare with what lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lapel.schema import ROLE, ItemTable

Counts = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Published:
    """What is stated of a release; a split or count that is not stated is absent.

    photos: per split; "all" where there are no splits. values: of each attribute, in index order. labels: labelled
    photos per attribute, by split. queries, gallery: per attribute, by split. triplets: per condition, by split.
    unsure: names of the fields above that were not counted from the files themselves, only stated or recalled.
    """

    photos: Mapping[str, int] = field(default_factory=dict)
    values: tuple[int, ...] = ()
    labels: Counts = field(default_factory=dict)
    queries: Counts = field(default_factory=dict)
    gallery: Counts = field(default_factory=dict)
    triplets: Counts = field(default_factory=dict)
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """One stated figure and what was found. sure: it was counted from the published files."""

    what: str
    expected: int
    found: int
    sure: bool = True

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return self.expected == self.found

    def __str__(self) -> str:
        return f"{self.what}: {self.found:,} of {self.expected:,}"


def compare(table: ItemTable, published: Published) -> tuple[Count, ...]:
    """Every stated count beside the table's, in the order photos, values, labels, queries, gallery, triplets."""
    names = table.vocabulary.names
    splits = np.array(table.table["split"].to_pylist()) if "split" in table.table.column_names else None
    known = {name: table.labels(name).known for name in names}
    found = []
    for split, expected in published.photos.items():
        rows = len(table) if split == "all" or splits is None else int((splits == split).sum())
        found.append(Count(f"photos listed, {split}", expected, rows, "photos" not in published.unsure))
    for name, expected in zip(names, published.values, strict=False):
        found.append(Count(f"values of {name}", expected, len(table.vocabulary[name].values)))
    for split, row in published.labels.items():
        inside = np.ones(len(table), bool) if splits is None else splits == split
        for name, expected in zip(names, row, strict=False):
            found.append(Count(f"labels, {split}, {name}", expected, int((known[name] & inside).sum())))
    for kind, counts in (("query", published.queries), ("gallery", published.gallery)):
        for split, row in counts.items():
            inside = splits == split if splits is not None else np.ones(len(table), bool)
            for name, expected in zip(names, row, strict=False):
                count = int((with_role(table, kind, name) & known[name] & inside).sum())
                found.append(Count(f"{_WORDS[kind]}, {split}, {name}", expected, count))
    return (*found, *_triplets(table, published))


_WORDS = {"query": "queries", "gallery": "gallery items"}


def with_role(table: ItemTable, kind: str, attribute: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) rows that have this role, "query" or "gallery", under the attribute; none where there is no column."""
    if ROLE not in table.table.column_names:
        return np.zeros(len(table), bool)
    wanted = {kind, f"{kind}:{attribute}"}
    return np.fromiter((bool(wanted & set((cell or "").split("|"))) for cell in table.table[ROLE].to_pylist()), bool)


def _triplets(table: ItemTable, published: Published) -> list[Count]:
    found = []
    for split, row in published.triplets.items():
        lists = table.triplets.lists.get(split, {}) if table.triplets is not None else {}
        for name, expected in zip(table.vocabulary.names, row, strict=False):
            sure = "triplets" not in published.unsure
            found.append(Count(f"triplets, {split}, {name}", expected, len(lists.get(name, ())), sure))
    return found
