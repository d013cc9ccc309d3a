"""From the columns of a raw table to an ItemTable: which column is what, and what its cells mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lapel.datasets.cells import IMAGE_NAMES, RESERVED, as_text, clean_labels, clean_split, counts_of, distinct_values
from lapel.datasets.parquet_table import LAPEL_KEY
from lapel.errors import TableError, UnknownName
from lapel.schema import ROLE, ItemTable, Release, Vocabulary

MOST_VALUES = 1000
"""A text column with more distinct values is taken as metadata unless it is named as an attribute."""

LONGEST_VALUE = 64
"""Characters; a column with longer texts is taken as free text."""


@dataclass(frozen=True)
class Roles:
    """What the caller said about columns; None where nothing was said."""

    attributes: Sequence[str] | None = None
    metadata: Sequence[str] | None = None


def arrange(raw: pa.Table, roles: Roles, file: Path, name: str | None) -> ItemTable:
    """Find the reserved columns, clean labels, guess what was not said, check ids.

    name: None takes the one kept in the file, else the name of its folder (labels.csv) or its own (shoes.csv).

    Raises:
        TableError, UnknownName: what is wrong, in which column and row.
    """
    stored = json.loads((raw.schema.metadata or {}).get(LAPEL_KEY) or b"{}")
    raw, notes = _drop_unnamed(raw)
    places = _reserved(raw, file)
    others = [column for column in raw.column_names if column not in places.values()]
    _check_names(roles, others, file)
    columns = {"image": _images(raw, places["image"], file)}
    columns = {"id": _ids(raw, places, columns["image"], file), **columns}
    for column in ("split", "mask"):
        if column in places:
            text = as_text(raw[places[column]])
            columns[column] = clean_split(text) if column == "split" else text
    labels = {c: clean_labels(as_text(raw[c])) for c in _attributes(raw, others, roles, stored, notes)}
    known = stored.get("attributes", {})
    vocabulary = {c: _values(distinct_values(texts), known.get(c, ())) for c, texts in labels.items()}
    rest = {c: raw[c] for c in others if c not in labels}
    notes += stored.get("notes", [])
    return ItemTable(
        pa.table({**columns, **labels, **rest}),
        Vocabulary.of(vocabulary),
        file.parent,
        name or stored.get("name") or (file.parent.resolve().name if file.stem == "labels" else file.stem),
        stored.get("complete", True),
        tuple(notes),
        Release(**stored["release"]) if "release" in stored else None,
    )


def guess_attributes(raw: pa.Table, others: Sequence[str]) -> tuple[list[str], list[str]]:
    """(columns taken as attributes, text columns taken as metadata): few short values that repeat make an attribute."""
    attributes, texts = [], []
    for column in others:
        if not pa.types.is_string(raw[column].type) or column == ROLE:
            continue
        texts.append(column)
        # Sets of values may be many even if the values are few, so only a column that is nearly all different is out.
        if pc.count_distinct(raw[column]).as_py() > 20 * MOST_VALUES:
            continue
        held = counts_of(clean_labels(raw[column]))
        few = 0 < len(held) <= min(sum(held.values()) / 2, MOST_VALUES)  # a value comes twice on average
        if few and max(map(len, held)) <= LONGEST_VALUE:
            attributes.append(column)
    return attributes, [column for column in texts if column not in attributes]


def _attributes(
    raw: pa.Table, others: list[str], roles: Roles, stored: dict[str, object], notes: list[str]
) -> list[str]:
    if roles.attributes is not None:
        return list(roles.attributes)
    said = set(roles.metadata or ())
    if isinstance(kept := stored.get("attributes"), dict):
        return [column for column in kept if column in others and column not in said]
    guessed, free = guess_attributes(raw, [column for column in others if column not in said])
    numbers = [c for c in others if c not in said and c not in guessed and c not in free]
    parts = [f"attributes {', '.join(guessed) or 'none'}"]
    parts += [f"free text {', '.join(free)}"] if free else []
    parts += [f"numbers {', '.join(numbers)}"] if numbers else []
    notes.append(f"Columns taken as: {'; '.join(parts)}. To decide yourself, name the attributes.")
    return guessed


def _values(found: set[str], kept: Sequence[str]) -> list[str]:
    """Values in index order: as stored with the table, then what is new, by alphabet."""
    return [*kept, *sorted(found - set(kept))]


def _drop_unnamed(raw: pa.Table) -> tuple[pa.Table, list[str]]:
    unnamed = [column for column in raw.column_names if not column.strip()]
    notes = ["A column without a name was left out."] if unnamed else []
    raw = raw.drop_columns(unnamed) if unnamed else raw
    return raw.rename_columns([column.strip() for column in raw.column_names]), notes


def _reserved(raw: pa.Table, file: Path) -> dict[str, str]:
    """Reserved name -> the column that has this part, whatever its upper and lower case."""
    lower = {column.lower(): column for column in reversed(raw.column_names)}
    image = next((lower[name] for name in IMAGE_NAMES if name in lower), None)
    if image is None:
        hint = str(UnknownName("column", "image", raw.column_names))
        near = hint.split(" Known:")[0].removeprefix("Unknown column 'image'.").replace("Did you mean", "Is it")
        raise TableError(
            f"{file}: there is no image column. Found: {', '.join(raw.column_names) or 'no column'}.{near} "
            f"Call it one of {', '.join(IMAGE_NAMES)}."
        )
    return {"image": image} | {name: lower[name] for name in RESERVED if name in lower}


def _check_names(roles: Roles, others: list[str], file: Path) -> None:
    for column in [*(roles.attributes or ()), *(roles.metadata or ())]:
        if column not in others:
            raise UnknownName("column", column, others, f"{file.name}")
    both = sorted(set(roles.attributes or ()) & set(roles.metadata or ()))
    if both:
        raise TableError(f"{file}: the column '{both[0]}' is named both as attribute and as metadata. Name it once.")


def _images(raw: pa.Table, column: str, file: Path) -> pa.ChunkedArray:
    images = as_text(raw[column])
    if images.null_count:
        row = pc.index(pc.is_null(images), True).as_py()
        raise TableError(
            f"{file}: {images.null_count:,} rows have no image; the first is row {row + 1} after the header. "
            "Fill them in or remove them."
        )
    return images


def _ids(raw: pa.Table, places: dict[str, str], images: pa.ChunkedArray, file: Path) -> pa.ChunkedArray:
    ids = as_text(raw[places["id"]]) if "id" in places else images
    if ids.null_count:
        row = pc.index(pc.is_null(ids), True).as_py()
        raise TableError(f"{file}: row {row + 1} after the header has no id. Every row needs its own.")
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        twice = pc.filter(counts.field("values"), pc.greater(counts.field("counts"), 1))
        what = f"id '{twice[0].as_py()}'" if "id" in places else f"image '{twice[0].as_py()}'"
        remedy = "Give every row its own id." if "id" in places else "Remove the double rows, or add a column 'id'."
        raise TableError(f"{file}: {what} comes more than once, as do {len(twice) - 1:,} others. {remedy}")
    return ids
