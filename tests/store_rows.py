"""Rows that every store's tests write."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

SIZES = {"all": 4, "look": 2, "values": 3, "regions": 8, "composed": 0}


def rows(ids: list[str], start: float = 0.0, **columns: list[object]) -> pa.Table:
    n = len(ids)

    def fixed(width: int, kind: type = np.float32) -> pa.Array:
        flat = (np.arange(n * width) + start).astype(kind)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), width)

    return pa.table(
        {
            "id": ids,
            "image": [f"/photos/{name}.jpg" for name in ids],
            "hash": [f"hash of {name}" for name in ids],
            "all": fixed(4),
            "look": fixed(2),
            "values": fixed(3),
            "regions": fixed(8, np.float16),
            "thumb": pa.array([name.encode() for name in ids], pa.binary()),
            **columns,
        }
    )
