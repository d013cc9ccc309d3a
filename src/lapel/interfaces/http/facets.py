"""What filter widgets need to know of a catalogue's columns: kind, range, and the commonest values with counts."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lapel.catalogue import Catalogue
from lapel.schema import SEPARATOR

COMMON = 50
"""Values listed of a text column, commonest first."""


def facets(catalogue: Catalogue) -> list[dict[str, Any]]:
    """One JSON-ready record a column, in the catalogue's order."""
    table = catalogue.store.table(["id", *catalogue.store.columns]).drop_columns(["id"])
    labels = catalogue.manifest.labels
    return [_facet(name, table[name].combine_chunks(), name in labels) for name in table.column_names]


def _facet(name: str, column: Any, label: bool) -> dict[str, Any]:
    kind = _kind(column.type)
    facet: dict[str, Any] = {"name": name, "type": kind, "label": label, "empty": column.null_count}
    if kind in ("integer", "number"):
        usable = column.filter(pc.is_finite(column)) if kind == "number" else column
        ends = pc.min_max(usable).as_py()
        return facet | {"least": ends["min"], "greatest": ends["max"]}
    cells = column
    if label:
        cells = pc.list_flatten(pc.split_pattern(column, SEPARATOR))
    counts = pc.value_counts(cells.drop_null())
    pairs = sorted(
        ((pair["values"], pair["counts"]) for pair in counts.to_pylist()), key=lambda pair: (-pair[1], str(pair[0]))
    )
    common = [{"value": value, "items": items} for value, items in pairs[:COMMON]]
    return facet | {"values": common, "distinct": len(pairs)}


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "number" if pa.types.is_floating(kind) else "text"


def plain(value: Any) -> Any:
    """A cell as JSON can hold it: a number that is none becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
