"""Item tables to stored columns and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lapel.catalogue.manifest import Manifest
from lapel.errors import TableError
from lapel.schema import Card, EmbeddingTable, ItemTable, Outputs, Vocabulary
from lapel.search.collection import matrix
from lapel.search.photo import Photo
from lapel.store import Store

NOT_STORED = ("id", "image", "mask")


def sizes(card: Card) -> dict[str, int]:
    """Length of each vector column of a model's catalogue; see `lapel.store.base.VECTORS`."""
    k = len(card.vocabulary)
    return {
        "all": k * card.dim,
        "look": card.look_dim,
        "composed": card.composed_dim,
        "values": card.vocabulary.width,
        "regions": k * card.grid[0] * card.grid[1],
    }


def user_columns(items: ItemTable) -> pa.Table:
    """The columns to keep, in the four kinds a catalogue knows: text, whole numbers, numbers, true or false.

    Columns without a single value are left out: they have no kind yet.
    """
    kept = {}
    for name in items.table.column_names:
        column = items.table[name]
        if name not in NOT_STORED and column.null_count < len(column):
            kept[name] = column.cast(kind_of(column.type, name))
    return pa.table(kept)


def kind_of(given: pa.DataType, name: str) -> pa.DataType:
    """The kind that a catalogue keeps a column of this type as.

    Raises:
        TableError: lists, structures or bytes.
    """
    if pa.types.is_dictionary(given):
        return kind_of(given.value_type, name)
    if pa.types.is_boolean(given):
        return pa.bool_()
    if pa.types.is_integer(given):
        return pa.int64()
    if pa.types.is_floating(given) or pa.types.is_decimal(given):
        return pa.float64()
    if pa.types.is_nested(given) or pa.types.is_binary(given):
        raise TableError(f"Column '{name}' holds {given}; a catalogue keeps text, numbers and true or false.")
    return pa.string()


def label_values(items: ItemTable) -> dict[str, tuple[str, ...]]:
    """Label column -> values, for those columns that say anything."""
    return {a.name: a.values for a in items.vocabulary if items.table[a.name].null_count < len(items)}


def image_paths(items: ItemTable) -> list[str]:
    """Absolute paths in row order: a catalogue may be searched from another folder."""
    return [os.path.abspath(path) for path in items.paths]


def vectors(outputs: Outputs, photos: Sequence[Photo], widths: dict[str, int]) -> pa.Table:
    """What a model gave for some photos, as stored columns."""
    arrays = {
        "all": outputs.embeddings.astype(np.float32),
        "look": outputs.look.astype(np.float32),
        "composed": outputs.composed,
        "values": outputs.values.astype(np.float32),
        "regions": outputs.regions.astype(np.float16),
    }
    columns = {name: _fixed(a, widths[name]) for name, a in arrays.items() if a is not None and widths[name]}
    return pa.table(columns | {"thumb": pa.array([photo.thumb for photo in photos], pa.binary())})


def _fixed(array: NDArray[np.floating], width: int) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).ravel()), width)


def stored_items(store: Store, manifest: Manifest, folder: Path) -> ItemTable:
    """The items as a table again: label columns are attributes, everything else metadata."""
    names = [name for name in manifest.labels if name in store.columns]
    rest = [name for name in store.columns if name not in names and name != "split"]
    first = ["id", "image", *(["split"] if "split" in store.columns else [])]
    vocabulary = Vocabulary.of({name: manifest.labels[name] for name in names})
    return ItemTable(store.table([*first, *names, *rest]), vocabulary, folder, folder.stem)


def stored_embeddings(store: Store, card: Card) -> EmbeddingTable:
    """Everything the model gave, in insertion order."""
    kept = [name for name, width in sizes(card).items() if width]
    table = store.table(["id", *kept])
    n, k = len(table), len(card.vocabulary)
    flat = {name: matrix(table[name]) for name in kept}
    outputs = Outputs(
        flat["all"].reshape(n, k, card.dim),
        flat["regions"].astype(np.float32).reshape(n, k, *card.grid),
        flat.get("values", np.zeros((n, 0), np.float32)),
        flat["look"],
        flat.get("composed"),
    )
    return EmbeddingTable(tuple(table["id"].to_pylist()), outputs, card)


def changed_rows(stored: pa.Table, given: pa.Table) -> NDArray[np.bool_]:
    """(rows,) where any of the given columns differs from what is stored; both have the same rows in order."""
    differs = np.zeros(len(given), dtype=bool)
    for name in given.column_names:
        new = given[name]
        if name not in stored.column_names:
            differs |= np.asarray(pc.is_valid(new))
            continue
        old = stored[name]
        try:
            same = pc.fill_null(pc.equal(old, new.cast(old.type)), False)
        except pa.ArrowInvalid:  # of another kind: storing it will say so, or it is cast there
            same = pa.array(np.zeros(len(given), dtype=bool))
        both_empty = pc.and_(pc.is_null(old), pc.is_null(new))
        differs |= ~np.asarray(pc.or_(same, both_empty))
    return differs
