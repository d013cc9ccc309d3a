"""Add items: decide what is new or changed, embed only that, and commit in batches as it goes."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lapel.catalogue.columns import changed_rows, image_paths, sizes, user_columns, vectors
from lapel.errors import CatalogueError, ImageError
from lapel.images import content_hash
from lapel.images.reading import map_ordered
from lapel.progress import Progress
from lapel.schema import Card, ItemTable, Model
from lapel.search.photo import Photo, embed_photos, read_photo
from lapel.store import Store

PHOTOS_A_PASS = 32
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
    """Rows embedded and not yet committed; `known` says for each whether its id is already stored."""

    rows: list[int] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        return len(self.rows) >= ROWS_A_COMMIT or time.monotonic() - self.since >= SECONDS_A_COMMIT


class Adding:
    """One call of `Catalogue.add`, under the writer lock.

    Args:
        card: of the catalogue's model. model: gives it, asked for only when a photo has to be embedded.
        committed: called after every commit with the ids that are now on disk.
        strict: raise the first unreadable photo; what was committed before stays.
        workers: threads that read photos.
    """

    def __init__(
        self,
        store: Store,
        card: Card,
        model: Callable[[], Model],
        items: ItemTable,
        committed: Callable[[Sequence[str]], None],
        progress: Progress,
        strict: bool = False,
        workers: int = 2,
    ) -> None:
        self.store, self.card, self.items = store, card, items
        self.progress, self.committed, self.strict, self.workers = progress, committed, strict, workers
        self._model, self.report = model, AddReport()
        self.paths, self.columns = image_paths(items), user_columns(items)
        kept = store.table(["id", "hash", "image"]).to_pylist()
        self.stored = {row["id"]: (row["hash"], row["image"]) for row in kept}
        self.by_hash = {row["hash"]: row["id"] for row in kept}

    def run(self) -> AddReport:
        """Do it all; stopped at any moment, a second run goes on where this one was."""
        began = time.monotonic()
        todo = self._compare()
        pending = _Pending()
        for photos in self._photos(todo):
            if any(photo.hash in pending.hashes for _, photo in photos) or pending.due():
                self._commit(pending)
                pending = _Pending()
            self._embed(photos, pending)
            self.progress.advance(len(photos), stored=str(len(self.stored)))
        self._commit(pending)
        self.store.compact()
        self.report.seconds = time.monotonic() - began
        return self.report

    def _compare(self) -> list[int]:
        """Rows to embed: new ids, and known ids whose photo is another one. Updates the other rows' columns."""
        known = [row for row, item in enumerate(self.items.ids) if item in self.stored]
        todo, same = set(range(len(self.items))) - set(known), []
        for at, found in map_ordered(content_hash, [self.paths[row] for row in known], self.workers, skip=True):
            row = known[at]
            item = self.items.ids[row]
            if isinstance(found, ImageError):
                self._unreadable(found)
            elif found == self.stored[item][0]:
                same.append(row)
                self.progress.advance()
            else:
                _refuse_clash(item, self.stored[item][1], self.paths[row])
                todo.add(row)
        self.report.unchanged = len(same)
        self._update(same)
        return sorted(todo)

    def _update(self, rows: list[int]) -> None:
        """Same photos: store what changed in their labels, metadata or path, embedding nothing."""
        if not rows:
            return
        ids = [self.items.ids[row] for row in rows]
        given = pa.table(self._user(rows) | {"image": pa.array([self.paths[row] for row in rows])})
        have = [name for name in given.column_names if name == "image" or name in self.store.columns]
        differs = np.flatnonzero(changed_rows(self.store.rows(ids, have), given))
        if len(differs):
            self.store.replace(given.append_column("id", pa.array(ids)).take(differs))
            self.report.updated = len(differs)
            self.committed([ids[at] for at in differs])

    def _photos(self, rows: list[int]) -> Iterator[list[tuple[int, Photo]]]:
        """Read photos ahead by threads and give them in batches; unreadable ones are noted and left out."""
        batch: list[tuple[int, Photo]] = []
        read = functools.partial(read_photo, preprocess=self.card.preprocess)
        for at, photo in map_ordered(read, [self.paths[row] for row in rows], self.workers, skip=True):
            if isinstance(photo, ImageError):
                self._unreadable(photo)
                continue
            batch.append((rows[at], photo))
            if len(batch) == PHOTOS_A_PASS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _embed(self, photos: list[tuple[int, Photo]], pending: _Pending) -> None:
        """Embed each distinct photo that is not stored yet; the others take what is stored for the same bytes."""
        distinct = list({photo.hash: photo for _, photo in photos}.values())
        fresh = [photo for photo in distinct if photo.hash not in self.by_hash]
        twins = [photo for photo in distinct if photo.hash in self.by_hash]
        widths, tables = sizes(self.card), []
        if fresh:
            tables.append(vectors(embed_photos(self._model(), fresh), fresh, widths))
        if twins:
            columns = tables[0].column_names if tables else [*(n for n in widths if widths[n]), "thumb"]
            tables.append(self.store.rows([self.by_hash[photo.hash] for photo in twins], columns))
        place = {photo.hash: at for at, photo in enumerate([*fresh, *twins])}
        pending.tables.append(pa.concat_tables(tables).take([place[photo.hash] for _, photo in photos]))
        pending.rows += [row for row, _ in photos]
        pending.hashes += [photo.hash for _, photo in photos]
        self.report.embedded += len(fresh)

    def _commit(self, pending: _Pending) -> None:
        """Write new rows and changed rows, one commit each, and tell the caller."""
        if not pending.rows:
            return
        own = {
            "id": [self.items.ids[row] for row in pending.rows],
            "image": [self.paths[row] for row in pending.rows],
            "hash": pending.hashes,
        }
        made = pa.concat_tables(pending.tables)
        whole = pa.table(own | dict(zip(made.column_names, made.columns, strict=True)) | self._user(pending.rows))
        known = np.array([item in self.stored for item in own["id"]])
        for chosen, write in ((~known, self.store.append), (known, self.store.replace)):
            if chosen.any():
                rows = whole.filter(pa.array(chosen))
                write(rows)
                self.committed(rows["id"].to_pylist())
        self.report.new += int((~known).sum())
        self.report.changed += int(known.sum())
        for item, image, digest in zip(own["id"], own["image"], pending.hashes, strict=True):
            self.stored[item] = (digest, image)
            self.by_hash[digest] = item

    def _user(self, rows: Sequence[int]) -> dict[str, pa.ChunkedArray]:
        chosen = pa.array(rows, pa.int64())
        return {name: self.columns[name].take(chosen) for name in self.columns.column_names}

    def _unreadable(self, error: ImageError) -> None:
        if self.strict:
            raise error
        self.report.unreadable.append(error)
        self.progress.advance(unreadable=str(len(self.report.unreadable)))


def _refuse_clash(item: str, stored: str, given: str) -> None:
    """Two photos that both exist must not take turns under one id."""
    if stored != given and Path(stored).is_file():
        raise CatalogueError(
            f"Item '{item}' is stored from {stored}; {given} is another photo under the same id. Give each photo "
            "an id of its own (a table with a column 'id'), or remove the stored item first."
        )
