"""Judged triplets beside a table: `<name>.triplets.parquet` with columns split, attribute, anchor, close, far (ids)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lapel.errors import TableError
from lapel.schema import ItemTable, TripletLists

COLUMNS = ("split", "attribute", "anchor", "close", "far")


def triplets_file(table: Path) -> Path:
    """Where the triplets of a table file lie."""
    return table.with_name(f"{table.stem}.triplets.parquet")


def write_triplets(items: ItemTable, table: Path) -> None:
    """Write the triplets of the table's items beside it; an older file of a table that has none is removed."""
    file = triplets_file(table)
    if items.triplets is None:
        file.unlink(missing_ok=True)
        return
    ids = pa.array(items.ids, pa.string())
    parts = []
    for split in items.triplets.lists:
        for attribute, rows in items.triplets.rows(items.ids, split)[0].items():
            columns = [pa.array([split] * len(rows)), pa.array([attribute] * len(rows))]
            columns += [ids.take(pa.array(rows[:, place], pa.int64())) for place in range(3)]
            parts.append(pa.table(columns, names=list(COLUMNS)))
    pq.write_table(pa.concat_tables(parts), file, compression="zstd")


def with_triplets(items: ItemTable, table: Path) -> ItemTable:
    """The table with the triplets that lie beside its file, if any do.

    Raises:
        TableError: the file lacks a column, or names an id that is not in the table.
    """
    file = triplets_file(table)
    if not file.is_file():
        return items
    stored = pq.read_table(file)
    lacking = [name for name in COLUMNS if name not in stored.column_names]
    if lacking:
        raise TableError(
            f"{file}: the column {', '.join(lacking)} is missing; it has {', '.join(stored.column_names)}."
        )
    known = pa.array(items.ids, pa.string())
    rows = [pc.index_in(stored[name].cast(pa.string()), value_set=known) for name in COLUMNS[2:]]
    for name, column in zip(COLUMNS[2:], rows, strict=True):
        if column.null_count:
            at = pc.index(pc.is_null(column), True).as_py()
            raise TableError(
                f"{file}, triplet {at + 1}: '{stored[name][at].as_py()}' is not an id of {table.name}; "
                f"{column.null_count:,} of {len(column):,} triplets name such images."
            )
    codes = np.stack([np.asarray(column.to_numpy(), np.int32) for column in rows], axis=1)
    groups = [np.array(stored[name].to_pylist()) for name in COLUMNS[:2]]
    lists = {
        split: {name: codes[(groups[0] == split) & (groups[1] == name)] for name in dict.fromkeys(groups[1].tolist())}
        for split in dict.fromkeys(groups[0].tolist())
    }
    return replace(items, triplets=TripletLists(items.ids, lists))
