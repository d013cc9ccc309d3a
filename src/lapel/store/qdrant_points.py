"""Rows as Qdrant points and back: nothing is rounded on the way."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lapel.store.base import OWN

COMPARED = ("all", "look", "composed")
"""Named vectors, compared by inner product: unit vectors stay as they are, and a missing one may be zeros."""

PACKED: dict[str, np.dtype[Any]] = {"values": np.dtype("<f4"), "regions": np.dtype("<f2")}
"""Vectors that are never compared: bytes in the payload (base64), as is the thumbnail."""

USER = "columns"
"""Payload key that holds the user's columns, so that none of them can be taken for one of ours."""

KINDS = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}

_IDS = uuid.UUID("5f1d5c52-6b6b-5f0e-9d3a-6c6170656c00")


def point_id(item: str) -> str:
    """Qdrant takes numbers and UUIDs as ids; an item's id gives one of the latter."""
    return str(uuid.uuid5(_IDS, item))


def to_points(rows: pa.Table) -> list[Any]:
    """Whole rows -> points."""
    from qdrant_client import models

    names = rows.column_names
    arrays = {name: rows[name].to_pylist() for name in names if name not in COMPARED and name not in PACKED}
    packed = {name: _packed(rows[name]) for name in PACKED if name in names}
    vectors = {name: rows[name].to_pylist() for name in COMPARED if name in names}
    points = []
    for at, item in enumerate(arrays["id"]):
        payload: dict[str, Any] = {name: arrays[name][at] for name in ("id", "image", "hash", "seq")}
        thumb = arrays["thumb"][at]
        payload |= {"thumb": None if thumb is None else base64.b64encode(thumb).decode()}
        payload |= {name: cells[at] for name, cells in packed.items()}
        payload[USER] = {name: cells[at] for name, cells in arrays.items() if name not in OWN and cells[at] is not None}
        vector = {name: cells[at] for name, cells in vectors.items() if cells[at] is not None}
        points.append(models.PointStruct(id=point_id(item), vector=vector, payload=payload))
    return points


def from_points(points: Iterable[Any], schema: pa.Schema) -> pa.Table:
    """Points (None: gone) -> the columns of `schema`; what a point lacks is null, a vector of a gone point zeros."""
    listed = list(points)
    return pa.table({field.name: _column(listed, field) for field in schema}, schema=schema)


def _column(points: Sequence[Any], field: pa.Field) -> pa.Array:
    name = field.name
    if name in COMPARED:
        width = field.type.list_size
        cells = [np.zeros(width, np.float32) if p is None else _vector(p.vector, name) for p in points]
        return _fixed(cells, field.type)
    payloads = [{} if point is None else point.payload or {} for point in points]
    if name in PACKED:
        width = field.type.list_size
        raw = [
            np.frombuffer(base64.b64decode(p[name]), PACKED[name]) if p.get(name) else np.zeros(width) for p in payloads
        ]
        return _fixed([cell.astype(PACKED[name]) for cell in raw], field.type)
    if name == "thumb":
        return pa.array([base64.b64decode(p["thumb"]) if p.get("thumb") else None for p in payloads], pa.binary())
    source = payloads if name in OWN else [p.get(USER) or {} for p in payloads]
    return pa.array([cells.get(name) for cells in source], field.type)


def _vector(vector: Mapping[str, Sequence[float]] | None, name: str) -> Any:
    found = (vector or {}).get(name)
    return None if found is None else np.asarray(found, np.float32)


def _fixed(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    zeros = np.zeros(kind.list_size, np.float16 if kind.value_type == pa.float16() else np.float32)
    flat = np.concatenate([zeros[:0], *(zeros if cell is None else cell for cell in cells)]).astype(zeros.dtype)
    gone = pa.array([cell is None for cell in cells], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(
        pa.array(flat), type=kind, mask=gone if any(c is None for c in cells) else None
    )


def _packed(column: pa.ChunkedArray) -> list[str]:
    kind = PACKED["regions" if column.type.value_type == pa.float16() else "values"]
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return [base64.b64encode(np.ascontiguousarray(row, kind).tobytes()).decode() for row in flat]
