"""What a catalogue needs of whatever keeps its rows. LanceDB is one answer (`store.lance`), a cluster another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.schema.condition import Condition

VECTORS = ("all", "look", "composed", "values", "regions")
"""Fixed-size columns: `all` float32 (K*D,), K unit blocks side by side, a missing attribute zeros; `look` float32
(L,); `composed` float32 (C,), null without that head; `values` float32 (V,); `regions` float16 (K*h*w,)."""

OWN = ("id", "image", "hash", "seq", *VECTORS, "thumb")
"""Columns that the catalogue itself fills: id, the photo's path, its content hash, its place in insertion order,
the vectors, and a small JPEG. Every other column came from the user's table and has another name."""


class Store(Protocol):
    """Rows keyed by `id`, in insertion order; every write is one commit, whole or not at all, on disk when it returns.

    A store object shows the state that it opened or wrote last, whatever other processes write meanwhile.
    Rows are Arrow tables: `id`, `image`, `hash`, `thumb`, the vectors, and any further user columns.
    """

    notes: tuple[str, ...]
    """What opening had to repair, as sentences; empty when all was well."""

    @property
    def version(self) -> int:
        """The number of the newest commit."""
        ...

    def newest(self) -> int:
        """The number of the newest commit by anybody; more than `version` when this object shows an older state."""
        ...

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """The user's columns and their types (text, int64, double, bool), in the order they came."""
        ...

    def count(self) -> int:
        """How many rows."""
        ...

    def append(self, rows: pa.Table) -> None:
        """Add rows whose ids are new; unknown user columns are created, absent ones left empty."""
        ...

    def replace(self, rows: pa.Table) -> None:
        """Overwrite rows by id, in the columns given; each keeps its place in insertion order."""
        ...

    def delete(self, ids: Sequence[str]) -> int:
        """Remove rows; returns how many there were."""
        ...

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        """Batches of these columns, each with its rows' places (0 .. count - 1) in insertion order."""
        ...

    def table(self, columns: Sequence[str]) -> pa.Table:
        """These columns of all rows, in insertion order."""
        ...

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """These columns of these rows, in the order asked; ids that are not there are left out."""
        ...

    def filter(self, condition: Condition | None) -> NDArray[np.bool_]:
        """(count,) in insertion order: which rows meet the condition."""
        ...

    def label_columns(self, names: Sequence[str]) -> None:
        """Name the text columns whose cells may hold several values joined by `|`; `filter` compares each of them."""
        ...

    def compact(self) -> None:
        """Join small pieces; changes no answer."""
        ...

    def check(self) -> list[str]:
        """Sentences about stored files that are not as they were written; empty when all is well."""
        ...


_UNSAFE = re.compile(r"[^\w \-]")


def stored_name(column: str) -> str:
    """A column's name on disk: signs that mean something to the engine are percent-encoded."""
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), column)


def user_name(stored: str) -> str:
    """What `stored_name` was given."""
    return unquote(stored)
