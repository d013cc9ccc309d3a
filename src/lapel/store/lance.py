"""The store on one machine: one LanceDB table in one folder, laid out as `store.base` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.errors import CatalogueError
from lapel.schema.condition import Condition, columns_of
from lapel.store.arrow_filter import mask
from lapel.store.base import OWN, VECTORS, stored_name, user_name
from lapel.store.durable import NewFiles
from lapel.store.engine import lancedb
from lapel.store.fitting import cast, complete
from lapel.store.recovery import ENGINE_ERRORS, files_of, newest_version, open_table
from lapel.store.sums import Sums

TABLE = "items"
EVERYTHING = 2**31 - 1
IDS_A_COMMAND = 1000
FEW_PIECES = 16
CHECKED_AT_OPEN = 1 << 29
"""Bytes of a table that are read and compared with their sums whenever it is opened; a larger one, when verified."""


class LanceStore:
    """`Store` over LanceDB (embedded, no server; it sends nothing anywhere and has no telemetry).

    The caller holds the writer lock (`store.lock.writing`) around every write.
    """

    def __init__(self, table: Any, files: NewFiles, notes: tuple[str, ...] = ()) -> None:
        self.notes = notes
        self._table, self._files, self._sums = table, files, Sums(files.root)
        self._labels: frozenset[str] = frozenset()
        self._offsets: dict[str, int] | None = None
        self._forget()

    @classmethod
    def create(cls, folder: Path, sizes: Mapping[str, int]) -> LanceStore:
        """A new, empty table inside `folder`.

        sizes: length of each vector column of `store.base.VECTORS`; one with length 0 is left out.
        """
        fields = [pa.field(name, pa.string(), nullable=False) for name in ("id", "image", "hash")]
        fields.append(pa.field("seq", pa.int64(), nullable=False))
        for name in VECTORS:
            if sizes.get(name):
                kind = pa.float16() if name == "regions" else pa.float32()
                fields.append(pa.field(name, pa.list_(kind, sizes[name])))
        fields.append(pa.field("thumb", pa.binary()))
        files = NewFiles(folder / f"{TABLE}.lance")
        table = lancedb.connect(folder).create_table(TABLE, schema=pa.schema(fields))
        files.root.with_suffix(".sums").unlink(missing_ok=True)
        made = cls(table, files)
        made._sums.record(files.sync())
        return made

    @classmethod
    def open(cls, folder: Path, good_version: int = 0, locked: bool = False) -> LanceStore:
        """Open the newest readable state; `notes` says what was lost when that is not the newest stored.

        good_version: the last commit known to be on disk. locked: the caller holds the writer lock.

        Raises:
            CatalogueError: there is no table, no version of it can be read, or a file is not as it was written.
        """
        table, notes = open_table(folder, TABLE, good_version, locked)
        opened = cls(table, NewFiles(folder / f"{TABLE}.lance"), notes)
        if opened._sums.size(files_of(opened._files.root, opened.version)) <= CHECKED_AT_OPEN:
            for sentence in opened.check():
                raise CatalogueError(f"{sentence} Restore the folder from a copy, or index the photos again.")
        return opened

    @property
    def version(self) -> int:
        """See `Store`."""
        return int(self._table.version)

    def newest(self) -> int:
        """See `Store`."""
        return newest_version(self._files.root.parent, TABLE)

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """See `Store`."""
        return {user_name(f.name): f.type for f in self._table.schema if f.name not in OWN}

    def label_columns(self, names: Sequence[str]) -> None:
        """See `Store`."""
        self._labels = frozenset(names)

    def count(self) -> int:
        """See `Store`."""
        return int(self._table.count_rows())

    def append(self, rows: pa.Table) -> None:
        """See `Store`."""
        first = int(self._seq.max()) + 1 if len(self._seq) else 0
        rows = self._fitted(rows).append_column("seq", pa.array(np.arange(first, first + len(rows))))
        with self._writing():
            self._table.add(complete(rows, self._table.schema))

    def replace(self, rows: pa.Table) -> None:
        """See `Store`."""
        rows = self._fitted(rows)
        with self._writing():
            self._table.merge_insert("id").when_matched_update_all().execute(rows)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store`."""
        before = self.count()
        for start in range(0, len(ids), IDS_A_COMMAND):
            quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in ids[start : start + IDS_A_COMMAND])
            with self._writing():
                self._table.delete(f"id IN ({quoted})")
        return before - self.count()

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        """See `Store`."""
        names = [stored_name(c) for c in columns]
        places, at = self._places, 0
        for batch in self._table.search().limit(EVERYTHING).select(names).to_batches():
            yield places[at : at + len(batch)], batch.rename_columns(list(columns))
            at += len(batch)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """See `Store`."""
        if not columns:  # the engine refuses to select nothing
            return self.table(["id"]).select([])
        found = self._read([stored_name(c) for c in columns]).rename_columns(list(columns))
        return found if self._in_order else found.take(np.argsort(self._seq, kind="stable"))

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """See `Store`."""
        if self._offsets is None:
            self._offsets = {name: at for at, name in enumerate(self._read(["id"])["id"].to_pylist())}
        known = self._offsets
        offsets = sorted({known[name] for name in ids if name in known})
        names = [stored_name(c) for c in columns]
        # The engine answers in its own order, so the id comes along and decides.
        found = self._table.take_offsets(offsets).select(list(dict.fromkeys([*names, "id"]))).to_arrow()
        at = {name: row for row, name in enumerate(found["id"].to_pylist())}
        order = pa.array([at[name] for name in ids if name in at], pa.int64())
        return found.take(order).select(names).rename_columns(list(columns))

    def filter(self, condition: Condition | None) -> NDArray[np.bool_]:
        """See `Store`."""
        if condition is None:
            return np.ones(self.count(), dtype=bool)
        needed = list(dict.fromkeys(columns_of(condition)))
        for name in needed:
            if name not in self._cached:
                self._cached[name] = self.table([name])[name]
        return mask(pa.table({name: self._cached[name] for name in needed}), condition, self._labels)

    def compact(self) -> None:
        """See `Store`. Versions of the last seven days stay, so that opening can fall back to one."""
        if self._table.stats()["fragment_stats"]["num_fragments"] > FEW_PIECES:
            with self._writing():
                self._table.optimize()
            self._sums.forget_gone()

    def check(self) -> list[str]:
        """See `Store`."""
        used = files_of(self._files.root, self.version)
        return [_damaged(self._files.root / name) for name in Sums(self._files.root).changed(used)]

    def _read(self, stored: Sequence[str]) -> pa.Table:
        return self._table.search().limit(EVERYTHING).select(list(stored)).to_arrow()

    def _fitted(self, rows: pa.Table) -> pa.Table:
        """Columns renamed and cast as the table holds them; user columns that it lacks are created first."""
        rows = rows.rename_columns([stored_name(name) for name in rows.column_names])
        new = [f for f in rows.schema if f.name not in self._table.schema.names]
        if new:
            with self._writing():
                self._table.add_columns([pa.field(f.name, f.type) for f in new])
        schema = self._table.schema
        return pa.table({name: cast(rows[name], schema.field(name)) for name in rows.column_names})

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One commit: on disk when this ends; what the engine refuses (a full disk) becomes one sentence."""
        try:
            yield
            self._sums.record(self._files.sync())
        except ENGINE_ERRORS as error:
            reason = " ".join(str(error).split())[:300]
            raise CatalogueError(
                f"The catalogue could not be written: {reason}. What was stored before stays; "
                "make room or correct the folder's permissions, then run the same again."
            ) from error
        self._forget()

    def _forget(self) -> None:
        """Drop what was kept of the rows, and read their insertion order again."""
        self._cached: dict[str, pa.ChunkedArray] = {}
        self._offsets = None
        self._seq: NDArray[np.int64] = self._read(["seq"])["seq"].to_numpy()
        self._in_order = bool(np.all(np.diff(self._seq) > 0))
        self._places: NDArray[np.int64] = np.empty(len(self._seq), np.int64)
        self._places[np.argsort(self._seq, kind="stable")] = np.arange(len(self._seq))


def _damaged(path: Path) -> str:
    return f"{path} is not as it was written: its checksum differs."
