"""Open composed data of any kind: a release by its layout, or pairs of any labelled table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from lapel.datasets import read as read_table
from lapel.datasets.composed import cirr, fashion200k, fashioniq, shoes
from lapel.datasets.composed.products import read_pairs
from lapel.datasets.files import Missing
from lapel.errors import TableError, UnknownName
from lapel.schema import ComposedQuery, ComposedSet

RELEASES = {"fashioniq": fashioniq, "shoes": shoes, "fashion200k": fashion200k, "cirr": cirr}
TABLE = "table"
EVALUATED = {"fashioniq": "val", "shoes": "val", "fashion200k": "test", "cirr": "val", TABLE: "test"}
"""The split that figures are usually of."""


def release_of(root: str | Path) -> str:
    """Which release a folder holds, by its layout; "table" for anything else that stands there.

    Raises:
        TableError: nothing stands there.
    """
    path = Path(root)
    if not path.exists():
        raise TableError(f"There is no '{root}'. Name a release's folder, or a labelled table.")
    return next((name for name, room in RELEASES.items() if path.is_dir() and room.found(path)), TABLE)


def open_composed(
    root: str | Path,
    split: str,
    *,
    release: str = "",
    gallery: str = "split",
    attributes: Sequence[str] = (),
    each: int = 2,
    seed: int = 1,
    missing: Missing = "strict",
) -> ComposedSet:
    """One split.

    Args:
        root: the release's folder, or a table's. release: its name, or "table"; "": recognised by its layout.
        gallery: "split" or "named" (FashionIQ alone has both).
        attributes, each, seed: of a table's pairs, as `read_pairs`; no attributes: all that the table has.

    Raises:
        UnknownName: no such release, split or attribute.
        TableError: a file is missing or damaged, or pictures are missing ("strict").
    """
    name = release or release_of(root)
    if name not in (*RELEASES, TABLE):
        raise UnknownName("release", name, (*RELEASES, TABLE))
    if name == "fashioniq":
        return fashioniq.read(root, split, gallery=gallery, missing=missing)
    if name != TABLE:
        found: ComposedSet = RELEASES[name].read(root, split, missing=missing)
        return found
    if missing == "ignore":
        raise TableError("A table's pictures are always looked for: give missing='strict' or 'skip'.")
    items = read_table(root, missing=missing)
    return read_pairs(items, attributes or items.vocabulary.names, split, seed=seed, each=each)


def some(data: ComposedSet, limit: int, seed: int = 1) -> ComposedSet:
    """At most `limit` queries, drawn, and the gallery they need with at most `limit` further pictures."""
    if not limit or len(data.queries) <= limit:
        return data
    queries = tuple(Random(seed).sample(data.queries, limit))
    galleries = {category: _around(names, queries, limit) for category, names in data.galleries.items()}
    named = {name for names in galleries.values() for name in names} | {q.reference for q in queries}
    note = f"only {limit} of {len(data.queries):,} queries, so figures do not compare to published ones"
    return replace(
        data,
        images={name: file for name, file in data.images.items() if name in named},
        galleries=galleries,
        queries=tuple(replace(q, targets=tuple(t for t in q.targets if t in named)) for q in queries),
        texts={name: text for name, text in data.texts.items() if name in named},
        notes=(*data.notes, note),
    )


def _around(names: Sequence[str], queries: Sequence[ComposedQuery], limit: int) -> tuple[str, ...]:
    needed = {name for q in queries for name in (q.reference, *q.targets[:1], *q.members)}
    further = set([name for name in names if name not in needed][:limit])
    return tuple(name for name in names if name in needed or name in further)
