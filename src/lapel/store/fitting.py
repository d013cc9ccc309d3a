"""Rows made to fit the columns that a store has."""

from __future__ import annotations

import pyarrow as pa

from lapel.errors import CatalogueError
from lapel.store.base import user_name


def complete(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """All columns of the schema in its order, absent ones empty."""
    absent = {n: pa.nulls(len(rows), schema.field(n).type) for n in schema.names if n not in rows.column_names}
    return pa.table({n: absent[n] if n in absent else rows[n] for n in schema.names}, schema=schema)


def cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """The column as the stored field holds it.

    Raises:
        CatalogueError: the kinds differ; names the column and both kinds.
    """
    if column.type.equals(field.type):
        return column
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CatalogueError(
            f"Column '{user_name(field.name)}' holds {_spoken(field.type)} in this catalogue; the new rows hold "
            f"{_spoken(column.type)} there ({error}). Make both alike, or give the column another name."
        ) from error


def _spoken(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "whole numbers"
    return {pa.string(): "text", pa.float64(): "numbers", pa.bool_(): "true or false"}.get(kind, str(kind))
