"""Who asks and what is ranked: the protocols, by name. A figure means nothing without the one it was measured under.

`query-gallery`
    The published protocol of FashionAI, DARN and DeepFashion. Query and gallery lists are given, or stand in the column
    `role`, as the readers of these releases write it; an attribute's queries are ranked against its gallery, over the
    full ranking; nothing is left out, because the lists are disjoint.
`each-against-rest`
    For a table without lists. Every labelled item of the split asks, and all other labelled items of that attribute
    are ranked; the query itself and its near duplicates are left out. The most queries that a split can give, and so
    the tightest intervals.
`every-fifth`
    For a table without lists. In file order every fifth labelled item of the attribute asks (the first, the sixth,
    ...), the others are ranked; nothing is left out.
`triplets`
    The published protocol of UT-Zap50K with CSN's lists; see `lapel.evaluation.triplets`. Its figure is the share of
    judged triplets that a model orders rightly, not MAP.

In those that rank, a gallery item is relevant when it shares a value with the query under the attribute; an item whose
label is unknown takes no part; an attribute's MAP is the mean AP of its queries, the overall figure is the mean over
all queries of all attributes (so attributes weigh by their number of queries), and a query without relevant items
scores 0 and counts. An attribute without queries or gallery is left out of the means, and the record says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.errors import TableError, UnknownName
from lapel.evaluation.relevance import Relevance
from lapel.schema import ROLE, SEPARATOR, ItemTable

Rows = NDArray[np.int64]
Lists = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Attribute -> (query ids, gallery ids)."""

TRIPLETS = "triplets"


@dataclass(frozen=True)
class Task:
    """One attribute's ranking: rows of the table that ask, rows that are ranked, and which are relevant."""

    attribute: str
    queries: Rows
    gallery: Rows
    relevance: Relevance


@dataclass(frozen=True)
class Skipped:
    """An attribute that is left out of the means, and why."""

    attribute: str
    reason: str


Chooser = Callable[[ItemTable, str, Rows, "Lists | None"], tuple[Rows, Rows]]


def make_tasks(
    protocol: str,
    items: ItemTable,
    attributes: Sequence[str],
    groups: NDArray[np.int64] | None = None,
    lists: Lists | None = None,
) -> tuple[list[Task], list[Skipped]]:
    """The rankings that a protocol asks for.

    Args:
        protocol: a name in `PROTOCOLS`.
        items: the rows of one split.
        attributes: names in the table's vocabulary.
        groups: (n,) group numbers of near duplicates, read by `each-against-rest` alone; None: only the query itself
            is left out.
        lists: for `query-gallery`; None reads the metadata column `role`.

    Raises:
        UnknownName: no such protocol or attribute.
        TableError: `query-gallery` without lists and without a column `role`, or an id that is not in the table.
    """
    if protocol not in PROTOCOLS:
        raise UnknownName("protocol", protocol, PROTOCOLS)
    tasks, skipped = [], []
    for name in attributes:
        labels = items.labels(name)
        known = np.flatnonzero(labels.known)
        queries, gallery = PROTOCOLS[protocol](items, name, known, lists)
        if reason := _unusable(protocol, len(known), len(queries), len(gallery)):
            skipped.append(Skipped(name, reason))
            continue
        left_out = None
        if protocol == "each-against-rest":
            left_out = np.arange(len(items)) if groups is None else groups
        tasks.append(Task(name, queries, gallery, Relevance.of_labels(labels, queries, gallery, left_out)))
    return tasks, skipped


def _unusable(protocol: str, known: int, queries: int, gallery: int) -> str:
    if known == 0:
        return "no labelled item in this split"
    if protocol == "each-against-rest" and known == 1:
        return "one labelled item in this split, nothing to rank"
    if queries == 0:
        return "no queries"
    return "" if gallery else "no gallery items"


def _each_against_rest(items: ItemTable, name: str, known: Rows, lists: Lists | None) -> tuple[Rows, Rows]:
    return known, known


def _every_fifth(items: ItemTable, name: str, known: Rows, lists: Lists | None) -> tuple[Rows, Rows]:
    asks = np.arange(len(known)) % 5 == 0
    return known[asks], known[~asks]


def _query_gallery(items: ItemTable, name: str, known: Rows, lists: Lists | None) -> tuple[Rows, Rows]:
    if lists is not None:
        queries, gallery = lists.get(name, ((), ()))
        return _rows_of(items, queries, known), _rows_of(items, gallery, known)
    if ROLE not in items.metadata_names:
        raise TableError(
            f"{items.name}: protocol 'query-gallery' needs a column '{ROLE}' holding query or gallery; there is none. "
            "Add it, or use --protocol each-against-rest."
        )
    cells = items.table[ROLE].combine_chunks().dictionary_encode()
    kinds = [_kinds(cell or "", name, items) for cell in [*cells.dictionary.to_pylist(), ""]]
    codes = cells.indices.fill_null(-1).to_numpy(zero_copy_only=False)[known]
    asks, ranked = (np.array([kind in held for held in kinds], bool)[codes] for kind in ("query", "gallery"))
    return known[asks], known[ranked]


def _kinds(cell: str, attribute: str, items: ItemTable) -> set[str]:
    """What a cell of the column `role` says of this attribute: query, gallery, both or nothing."""
    kinds = set()
    for part in filter(None, cell.split(SEPARATOR)):
        kind, _, only = part.partition(":")
        if kind not in ("query", "gallery"):
            raise TableError(f"{items.name}: '{part}' in column '{ROLE}' is neither query nor gallery.")
        if only in ("", attribute):
            kinds.add(kind)
    return kinds


def _rows_of(items: ItemTable, ids: Sequence[str], known: Rows) -> Rows:
    place = {item: row for row, item in enumerate(items.ids)}
    missing = [item for item in ids if item not in place]
    if missing:
        raise TableError(f"{items.name}: the lists name '{missing[0]}', which is not an id of this split.")
    labelled = set(known.tolist())
    return np.array([place[item] for item in ids if place[item] in labelled], dtype=np.int64)


PROTOCOLS: dict[str, Chooser] = {
    "each-against-rest": _each_against_rest,
    "every-fifth": _every_fifth,
    "query-gallery": _query_gallery,
}

NAMES = (*PROTOCOLS, TRIPLETS)
"""Every protocol by name."""


def usual_protocol(items: ItemTable) -> str:
    """The published protocol of a release, else the one that gives the most queries."""
    if items.triplets is not None:
        return TRIPLETS
    if ROLE in items.metadata_names and items.table[ROLE].null_count < len(items):
        return "query-gallery"
    return "each-against-rest"
