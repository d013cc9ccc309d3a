"""Parquet -> a table of text and number columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lapel.errors import TableError
from lapel.schema import SEPARATOR

LAPEL_KEY = b"lapel"
"""Key in the file's schema metadata under which `write` keeps vocabulary, name, completeness and notes (JSON)."""


def load(file: Path, as_text: Sequence[str] = ()) -> pa.Table:
    """Columns as text, int64 or float64; lists of text joined by `|`; columns of other kinds are left out.

    Raises:
        TableError: not Parquet, damaged, or without rows.
    """
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"{file}: this is not a Parquet file that can be read: {reason}") from error
    if not len(table):
        raise TableError(f"{file}: the table is empty: it has columns but no row. Add a row for each photo.")
    columns = {}
    for name in table.column_names:
        simple = _simple(table[name], name in as_text)
        if simple is not None and not name.startswith("__index_level_"):
            columns[name] = simple
    return pa.table(columns).replace_schema_metadata({LAPEL_KEY: (table.schema.metadata or {}).get(LAPEL_KEY, b"")})


def _simple(column: pa.ChunkedArray, as_text: bool) -> pa.ChunkedArray | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
            return None
        return pc.binary_join(column, SEPARATOR).cast(pa.string())
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    if pa.types.is_integer(kind):
        return column.cast(pa.string() if as_text else pa.int64(), safe=kind != pa.uint64())
    simple = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    if simple or pa.types.is_temporal(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    return None
