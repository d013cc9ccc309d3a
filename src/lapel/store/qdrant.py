"""The store on a Qdrant server or cluster: named vectors for what is compared, payload for everything else.

What it gives: every point is written whole, and an append or replace is acknowledged only when the server has applied
it (`wait`). What it cannot give, and LanceDB does: a batch of points is not one transaction (a writer killed between
two requests leaves the first, which adding again completes); vectors and thumbnails are read as they are now, not as
they were when this object opened (ids, order, columns and filters are); and there are no earlier versions to fall back
to: use the server's snapshots. One writer at a time holds among processes that share the catalogue's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.errors import CatalogueError
from lapel.schema.condition import Condition, columns_of
from lapel.store.arrow_filter import mask
from lapel.store.base import OWN, VECTORS
from lapel.store.fitting import cast, complete
from lapel.store.qdrant_client import Connection, url_of_environment
from lapel.store.qdrant_points import COMPARED, KINDS, from_points, point_id, to_points

__all__ = ["QdrantStore", "url_of_environment"]

POINTS_A_REQUEST = 256
FORMAT = 1


class QdrantStore:
    """`Store` over one Qdrant collection, and a second one, NAME.meta, whose one point describes it."""

    def __init__(self, connection: Connection) -> None:
        self.notes: tuple[str, ...] = ()
        self._labels: frozenset[str] = frozenset()
        self._at, self._about = connection, connection.about()
        if self._about.get("format") != FORMAT:
            raise CatalogueError(
                f"The Qdrant collection '{connection.name}' has format {self._about.get('format')}; this version of "
                f"Lapel reads format {FORMAT}. Open it with the version that made it, or index again."
            )
        self._load()

    @classmethod
    def create(cls, folder: Path, sizes: Mapping[str, int], url: str, name: str) -> QdrantStore:
        """New, empty collections.

        url: of a server; "" keeps the points in `folder`/qdrant, for one process at a time.
        sizes: length of each vector column of `store.base.VECTORS`; one with length 0 is left out.

        Raises:
            CatalogueError: the server does not answer, or it has a collection of this name that holds points.
        """
        connection = Connection(folder, url, name)
        kept = {column: int(sizes[column]) for column in VECTORS if sizes.get(column)}
        about = {"format": FORMAT, "version": 1, "sizes": kept, "columns": {}}
        connection.create({column: kept[column] for column in COMPARED if column in kept}, about)
        return cls(connection)

    @classmethod
    def open(cls, folder: Path, url: str, name: str) -> QdrantStore:
        """Open what `create` made.

        Raises:
            CatalogueError: the server does not answer, or it has no such collection.
        """
        return cls(Connection(folder, url, name))

    @property
    def version(self) -> int:
        """See `Store`."""
        return int(self._about["version"])

    def newest(self) -> int:
        """See `Store`."""
        return int(self._at.about()["version"])

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """See `Store`."""
        return {name: KINDS[kind] for name, kind in self._about["columns"].items()}

    def label_columns(self, names: Sequence[str]) -> None:
        """See `Store`."""
        self._labels = frozenset(names)

    def count(self) -> int:
        """See `Store`."""
        return len(self._rows)

    def append(self, rows: pa.Table) -> None:
        """See `Store`."""
        first = int(self._rows["seq"][-1].as_py()) + 1 if len(self._rows) else 0
        rows = self._fitted(rows).append_column("seq", pa.array(np.arange(first, first + len(rows))))
        self._upsert(complete(rows, self._schema))

    def replace(self, rows: pa.Table) -> None:
        """See `Store`. Every point is read, changed and written whole."""
        rows = self._fitted(rows)
        rows = rows.filter(pa.array([item in self._places for item in rows["id"].to_pylist()], pa.bool_()))
        for start in range(0, len(rows), POINTS_A_REQUEST):
            new = rows.slice(start, POINTS_A_REQUEST)
            before = self.rows(new["id"].to_pylist(), self._schema.names)
            for name in new.column_names:
                before = before.set_column(before.column_names.index(name), name, new[name])
            self._at.upsert(to_points(before))
        self._committed()

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store`."""
        known = [item for item in dict.fromkeys(ids) if item in self._places]
        for start in range(0, len(known), POINTS_A_REQUEST):
            self._at.delete([point_id(item) for item in known[start : start + POINTS_A_REQUEST]])
        if known:
            self._committed()
        return len(known)

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        """See `Store`."""
        for start in range(0, len(self._rows), POINTS_A_REQUEST):
            ids = self._rows["id"].slice(start, POINTS_A_REQUEST).to_pylist()
            for batch in self.rows(ids, columns).combine_chunks().to_batches():
                yield np.arange(start, start + len(batch)), batch

    def table(self, columns: Sequence[str]) -> pa.Table:
        """See `Store`."""
        if all(name in self._rows.column_names for name in columns):
            return self._rows.select(list(columns))
        found = [self.rows([], columns), *(pa.Table.from_batches([batch]) for _, batch in self.scan(columns))]
        return pa.concat_tables(found).combine_chunks()

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """See `Store`."""
        known = [item for item in ids if item in self._places]
        kept = self._rows.take(pa.array([self._places[item] for item in known], pa.int64()))
        far = [name for name in columns if name not in kept.column_names]
        fetched = self._fetch(known, far) if far else None
        found = {name: kept[name] if fetched is None or name not in far else fetched[name] for name in columns}
        return pa.table(found)

    def filter(self, condition: Condition | None) -> NDArray[np.bool_]:
        """See `Store`."""
        if condition is None:
            return np.ones(self.count(), dtype=bool)
        return mask(self._rows.select(list(dict.fromkeys(columns_of(condition)))), condition, self._labels)

    def compact(self) -> None:
        """See `Store`. The server does it by itself."""

    def check(self) -> list[str]:
        """See `Store`."""
        return self._at.troubles()

    @property
    def _schema(self) -> pa.Schema:
        """Every column, in the order of `OWN`, the user's behind."""
        sizes = self._about["sizes"]
        kinds: dict[str, pa.DataType] = {"id": pa.string(), "image": pa.string(), "hash": pa.string()}
        kinds |= {"seq": pa.int64(), "thumb": pa.binary()}
        for name in VECTORS:
            if name in sizes:
                kinds[name] = pa.list_(pa.float16() if name == "regions" else pa.float32(), sizes[name])
        own = [pa.field(name, kinds[name]) for name in OWN if name in kinds]
        return pa.schema([*own, *(pa.field(name, kind) for name, kind in self.columns.items())])

    def _load(self) -> None:
        """Everything but vectors and thumbnails, in insertion order: what this object shows until it writes."""
        light = [f for f in self._schema if f.name not in (*VECTORS, "thumb")]
        found = from_points(self._at.scroll(), pa.schema(light))
        self._rows: pa.Table = found.take(np.argsort(found["seq"].to_numpy(), kind="stable")).combine_chunks()
        self._places = {item: row for row, item in enumerate(self._rows["id"].to_pylist())}

    def _fetch(self, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Vectors and thumbnails; a point that somebody deleted meanwhile gives empty cells and zeros."""
        schema = pa.schema([self._schema.field(name) for name in columns])
        vectors = [name for name in columns if name in COMPARED]
        points: dict[Any, Any] = {}
        for start in range(0, len(ids), POINTS_A_REQUEST):
            asked = [point_id(item) for item in ids[start : start + POINTS_A_REQUEST]]
            points |= {
                str(p.id): p for p in self._at.retrieve(asked, vectors, [n for n in columns if n not in vectors])
            }
        return from_points([points.get(point_id(item)) for item in ids], schema)

    def _fitted(self, rows: pa.Table) -> pa.Table:
        """Columns cast as the store holds them; user columns that it lacks are announced first."""
        schema = self._schema
        made = pa.table(
            {n: cast(rows[n], schema.field(n)) if n in schema.names else rows[n] for n in rows.column_names}
        )
        new = {name: str(made[name].type) for name in made.column_names if name not in schema.names}
        if new:
            self._about["columns"] |= new
            self._at.describe(self._about)
            self._load()
        return made

    def _upsert(self, rows: pa.Table) -> None:
        for start in range(0, len(rows), POINTS_A_REQUEST):
            self._at.upsert(to_points(rows.slice(start, POINTS_A_REQUEST)))
        self._committed()

    def _committed(self) -> None:
        self._about["version"] += 1
        self._at.describe(self._about)
        self._load()
