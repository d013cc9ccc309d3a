"""New metadata for items that are stored: which cells change, of which kind, and what becomes a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from lapel.catalogue.columns import changed_rows, kind_of
from lapel.catalogue.manifest import Manifest
from lapel.errors import InputError, TableError
from lapel.schema import SEPARATOR, ItemTable
from lapel.store import Store
from lapel.store.base import OWN

Changes: TypeAlias = Mapping[str, Mapping[str, Any]] | pa.Table | ItemTable | str | Path
"""Id -> column -> new value (None empties the cell), or a table with a column `id`, or such a table's file."""

PHOTO_COLUMNS = ("image", "mask")
"""A table may name the photos as well; updating never looks at them."""


@dataclass(frozen=True)
class UpdateReport:
    """updated: items of which a cell changed. unchanged: items that had these values. unknown: ids not stored."""

    updated: int
    unchanged: int
    unknown: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"updated": self.updated, "unchanged": self.unchanged, "unknown": list(self.unknown)}


def apply(store: Store, changes: pa.Table) -> UpdateReport:
    """Write the cells that differ, in one commit. changes: a column `id` and the columns to write."""
    ids = changes["id"].to_pylist()
    known = set(store.rows(ids, ["id"])["id"].to_pylist())
    here = np.array([item in known for item in ids], dtype=bool)
    unknown = tuple(item for item in ids if item not in known)
    given = changes.filter(pa.array(here))
    fresh = [n for n in given.column_names if n not in store.columns and given[n].null_count == len(given)]
    given = given.drop_columns([name for name in fresh if name != "id"])  # no value yet, hence no kind
    cells = given.drop_columns(["id"])
    if not len(given) or not cells.num_columns:
        return UpdateReport(0, len(given), unknown)
    have = [name for name in cells.column_names if name in store.columns]
    stored = store.rows(given["id"].to_pylist(), ["id", *have])
    differs = np.flatnonzero(changed_rows(stored, cells))
    if len(differs):
        store.replace(given.take(differs))
    return UpdateReport(len(differs), len(given) - len(differs), unknown)


def as_table(changes: Changes, store: Store) -> pa.Table:
    """Changes in any form -> one Arrow table; cells that a mapping does not mention keep what is stored.

    Raises:
        InputError: a column that the catalogue fills itself, or a value that is neither text, number nor bool.
        TableError: a file or table without ids, or with one twice.
    """
    if isinstance(changes, (str, Path)):
        table = _from_file(Path(changes))
    elif isinstance(changes, ItemTable):
        table = changes.table
    elif isinstance(changes, pa.Table):
        table = changes
    else:
        table = _from_mapping(changes, store)
    return _checked(table)


def new_labels(changes: pa.Table, manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Values of label columns that these changes bring."""
    found: dict[str, tuple[str, ...]] = {}
    for name in manifest.labels:
        if name in changes.column_names:
            cells = [cell for cell in changes[name].cast(pa.string()).to_pylist() if cell is not None]
            found[name] = tuple(dict.fromkeys(value for cell in cells for value in cell.split(SEPARATOR)))
    return found


def _checked(table: pa.Table) -> pa.Table:
    if "id" not in table.column_names:
        raise TableError(f"An update needs a column 'id'; this table has {', '.join(table.column_names) or 'none'}.")
    ids = table["id"].cast(pa.string()).to_pylist()
    if None in ids or len(set(ids)) < len(ids):
        raise TableError("An update needs one row an item: an id is empty or comes twice.")
    columns = {"id": pa.chunked_array([pa.array(ids, pa.string())])}
    for name in table.column_names:
        if name == "id" or name in PHOTO_COLUMNS:
            continue
        if name in OWN:
            raise InputError(
                f"'{name}' cannot be updated: the catalogue fills it from the photo. Columns of yours are "
                "updated; a changed photo is added again."
            )
        column = table[name]
        columns[name] = column if pa.types.is_null(column.type) else column.cast(kind_of(column.type, name))
    return pa.table({n: c for n, c in columns.items() if not pa.types.is_null(c.type)} | _emptied(columns))


def _emptied(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Columns without any value: text for now, whatever the stored column holds."""
    return {name: c.cast(pa.string()) for name, c in columns.items() if pa.types.is_null(c.type)}


def _from_file(file: Path) -> pa.Table:
    from lapel.datasets.reading import READERS

    reader = READERS.get(file.suffix.lower())
    if reader is None or not file.is_file():
        raise TableError(f"{file} is no table; give a {', '.join(READERS)} file with a column 'id'.")
    table = reader(file, ())
    return table.rename_columns(["id" if name.strip().lower() == "id" else name for name in table.column_names])


def _from_mapping(changes: Mapping[str, Mapping[str, Any]], store: Store) -> pa.Table:
    ids = list(changes)
    for item, cells in changes.items():
        if not isinstance(cells, Mapping):
            raise InputError(f"Give the new values of '{item}' by column: {{'{item}': {{'price': 20}}}}.")
    names = list(dict.fromkeys(name for cells in changes.values() for name in cells))
    kept = [name for name in names if name in store.columns]
    stored = store.rows(ids, ["id", *kept]).to_pylist()
    before = {row["id"]: row for row in stored}
    columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
    for name in names:
        columns[name] = _array(name, [_cell(changes[i].get(name, before.get(i, {}).get(name))) for i in ids])
    return pa.table(columns)


def _cell(value: Any) -> Any:
    """Several values of a label are joined as a table would write them."""
    if isinstance(value, (set, frozenset)):
        return SEPARATOR.join(sorted(map(str, value)))
    return SEPARATOR.join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _array(name: str, cells: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InputError(
            f"The new values of '{name}' are of several kinds ({error}). Give text, whole numbers, numbers, or "
            "true and false, one kind a column."
        ) from error
