"""Add items: decide what is new or changed, embed only that, and commit in batches as it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from lapel.catalogue.columns import changed_rows, sizes
from lapel.catalogue.engines import Engine, Made
from lapel.catalogue.sources import Lot
from lapel.errors import CatalogueError, ImageError
from lapel.images import content_hash
from lapel.images.reading import map_ordered
from lapel.progress import Progress
from lapel.schema import Card
from lapel.store import Store

ROWS_A_COMMIT, SECONDS_A_COMMIT = 256, 5.0


@dataclass
class AddReport:
    """What adding did. Counts are items.

    unchanged: already stored with this very photo; of these `updated` got new labels or metadata.
    changed: stored before with another photo under the same id and embedded anew.
    embedded: photos that went through the model; fewer than new + changed when the same bytes were already there.
    unreadable: one error a photo that could not be used; what was stored of it before stays.
    """

    new: int = 0
    unchanged: int = 0
    changed: int = 0
    updated: int = 0
    embedded: int = 0
    seconds: float = 0.0
    unreadable: list[ImageError] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "new": self.new,
            "unchanged": self.unchanged,
            "changed": self.changed,
            "updated": self.updated,
            "embedded": self.embedded,
            "seconds": round(self.seconds, 3),
            "unreadable": [{"image": str(e.path), "problem": str(e)} for e in self.unreadable],
        }


@dataclass
class _Pending:
    """Rows of a lot embedded and not yet committed, one table of vectors a model pass."""

    rows: list[int] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        return len(self.rows) >= ROWS_A_COMMIT or time.monotonic() - self.since >= SECONDS_A_COMMIT


class _Stored:
    """What the store holds: item -> (content hash, photo), and content hash -> an item that has it now."""

    def __init__(self, store: Store) -> None:
        kept = store.table(["id", "hash", "image"])
        ids, hashes, images = (kept[name].to_pylist() for name in ("id", "hash", "image"))
        self.items = dict(zip(ids, zip(hashes, images, strict=True), strict=True))
        self._by_hash = dict(zip(hashes, ids, strict=True))
        self.coming: set[str] = set()  # embedded, not committed yet

    def holder(self, digest: str) -> str | None:
        """An item whose stored photo has these bytes; one that has another photo by now does not count."""
        item = self._by_hash.get(digest)
        return item if item is not None and self.items[item][0] == digest else None

    def put(self, item: str, digest: str, image: str) -> None:
        """After a commit."""
        self.items[item] = (digest, image)
        self._by_hash[digest] = item

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and (digest in self.coming or self.holder(digest) is not None)


class Adding:
    """One call of `Catalogue.add`, under the writer lock.

    Args:
        card: of the catalogue's model. engine: embeds photos.
        committed: called after every commit with the ids that are now on disk.
        strict: raise the first unreadable photo; what was committed before stays.
        workers: threads that compare the photos that are stored already.
    """

    def __init__(
        self,
        store: Store,
        card: Card,
        engine: Engine,
        committed: Callable[[Sequence[str]], None],
        progress: Progress,
        strict: bool = False,
        workers: int = 2,
    ) -> None:
        self.store, self.engine, self.progress, self.committed = store, engine, progress, committed
        self.strict, self.workers, self.report = strict, workers, AddReport()
        self.vector_columns = [*(name for name, width in sizes(card).items() if width), "thumb"]
        self.stored = _Stored(store)

    def run(self, lot: Lot) -> None:
        """Add a lot; stopped at any moment, a second run goes on where this one was."""
        began = time.monotonic()
        todo = self._compare(lot)
        pending = _Pending()
        for made in self.engine.embed([lot.photos[row] for row in todo], self.stored):
            for place, error in made.errors:
                self._unreadable(error, lot, todo[place])
            twins = self._twins(made)  # read before a commit may give their holders other photos
            if not set(made.hashes).isdisjoint(pending.hashes) or pending.due():
                self._commit(lot, pending)
                pending = _Pending()
                twins |= self._twins(made, twins)
            self._take(made, twins, todo, pending)
            self.progress.advance(len(made.places), stored=str(len(self.stored.items)))
        self._commit(lot, pending)
        self.report.seconds += time.monotonic() - began

    def _compare(self, lot: Lot) -> list[int]:
        """Rows to embed: new ids, and known ids whose photo is another one. Updates the other rows' columns."""
        known = [row for row, item in enumerate(lot.ids) if item in self.stored.items]
        todo, same = set(range(len(lot.ids))) - set(known), []
        for at, found in map_ordered(content_hash, [lot.photos[row] for row in known], self.workers, skip=True):
            row = known[at]
            digest, image = self.stored.items[lot.ids[row]]
            if isinstance(found, ImageError):
                self._unreadable(found, lot, row)
            elif found == digest:
                same.append(row)
                self.progress.advance()
            else:
                _refuse_clash(lot.ids[row], image, lot.images[row])
                todo.add(row)
        self.report.unchanged += len(same)
        self._update(lot, same)
        return sorted(todo)

    def _update(self, lot: Lot, rows: list[int]) -> None:
        """Same photos: store what changed in their labels, metadata or path, embedding nothing."""
        if not rows:
            return
        ids = [lot.ids[row] for row in rows]
        given = pa.table(lot.user(rows) | {"image": pa.array([lot.images[row] for row in rows], pa.string())})
        have = [name for name in given.column_names if name == "image" or name in self.store.columns]
        differs = np.flatnonzero(changed_rows(self.store.rows(ids, have), given))
        if len(differs):
            self.store.replace(given.append_column("id", pa.array(ids)).take(differs))
            self.report.updated += len(differs)
            self.committed([ids[at] for at in differs])

    def _twins(self, made: Made, have: Collection[str] = ()) -> dict[str, pa.Table]:
        """Content hash -> the one row stored for it, of those photos whose bytes are stored already."""
        fresh = {*made.fresh, *have}
        holders = {d: self.stored.holder(d) for d in dict.fromkeys(made.hashes) if d not in fresh}
        held = {digest: item for digest, item in holders.items() if item is not None}
        rows = self.store.rows(list(held.values()), self.vector_columns) if held else None
        return {} if rows is None else {digest: rows.slice(at, 1) for at, digest in enumerate(held)}

    def _take(self, made: Made, twins: dict[str, pa.Table], todo: Sequence[int], pending: _Pending) -> None:
        """Photos whose bytes are stored already take what is stored for them."""
        tables = [*([] if made.columns is None else [made.columns]), *twins.values()]
        if not tables:
            return
        place = {digest: at for at, digest in enumerate([*made.fresh, *twins])}
        joined = pa.concat_tables([table.select(self.vector_columns) for table in tables])
        pending.tables.append(joined.take([place[digest] for digest in made.hashes]))
        pending.rows += [todo[place] for place in made.places]
        pending.hashes += made.hashes
        self.stored.coming.update(made.fresh)
        self.report.embedded += len(made.fresh)

    def _commit(self, lot: Lot, pending: _Pending) -> None:
        """Write new rows and changed rows, one commit each, and tell the caller."""
        if not pending.rows:
            return
        own = {
            "id": [lot.ids[row] for row in pending.rows],
            "image": [lot.images[row] for row in pending.rows],
            "hash": pending.hashes,
        }
        made = pa.concat_tables(pending.tables)
        whole = pa.table(own | dict(zip(made.column_names, made.columns, strict=True)) | lot.user(pending.rows))
        known = np.array([item in self.stored.items for item in own["id"]])
        for chosen, write in ((~known, self.store.append), (known, self.store.replace)):
            if chosen.any():
                rows = whole.filter(pa.array(chosen))
                write(rows)
                self.committed(rows["id"].to_pylist())
        self.report.new += int((~known).sum())
        self.report.changed += int(known.sum())
        for item, image, digest in zip(own["id"], own["image"], pending.hashes, strict=True):
            self.stored.put(item, digest, image)
        self.stored.coming.clear()

    def _unreadable(self, error: ImageError, lot: Lot, row: int) -> None:
        if isinstance(lot.photos[row], bytes):
            error = type(error)(lot.ids[row], str(error).removeprefix("(bytes): "))
        if self.strict:
            raise error
        self.report.unreadable.append(error)
        self.progress.advance(unreadable=str(len(self.report.unreadable)))


def _refuse_clash(item: str, stored: str, given: str) -> None:
    """Two photos that both exist must not take turns under one id."""
    if stored and given and stored != given and os.path.isfile(stored):
        raise CatalogueError(
            f"Item '{item}' is stored from {stored}; {given} is another photo under the same id. Give each photo "
            "an id of its own (a table with a column 'id'), or remove the stored item first."
        )
