"""The one door to a stored collection: make it, fill it, search it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lapel.catalogue.adding import Adding, AddReport
from lapel.catalogue.columns import label_values, sizes, stored_embeddings, stored_items
from lapel.catalogue.making import claim, clear_half_made
from lapel.catalogue.manifest import Manifest
from lapel.catalogue.models import ModelLike, check_same, copy_in, reopen, resolve
from lapel.catalogue.records import StoredItem, one_row, read_item
from lapel.catalogue.searching import Searching
from lapel.catalogue.sources import read_source
from lapel.catalogue.updating import Changes, UpdateReport, apply, as_table, new_labels
from lapel.catalogue.verifying import VerifyReport, verify
from lapel.progress import Progress, Quiet
from lapel.schema import EmbeddingTable, ItemTable, Model
from lapel.search import Collection, Searcher
from lapel.search.collection import FILTERABLE
from lapel.search.where import parse
from lapel.store import LanceStore, writing

DEFAULT_MODEL = "lapel-lite"


class Catalogue(Searching):
    """Items, their photos' embeddings and the model that made them, in one folder.

    One process writes at a time; others may search meanwhile and see what was stored when they opened it.
    Make one by `Catalogue.create`, open one by `Catalogue.open`.
    """

    def __init__(self, folder: Path, manifest: Manifest, store: LanceStore, model: Model | None = None) -> None:
        self.folder, self.manifest, self.store, self._model = folder, manifest, store, model
        self.store.label_columns(tuple(manifest.labels))
        self._searcher: Searcher | None = None

    @classmethod
    def create(cls, path: str | Path, model: ModelLike = DEFAULT_MODEL) -> Catalogue:
        """Make an empty catalogue in a new folder.

        model: a shipped model's name, the folder of an exported ONNX model (copied in), or a model in memory.

        Raises:
            CatalogueError: the folder holds something already.
            UnknownName: no such model.
        """
        folder = Path(path)
        opened, source, name = resolve(model)
        claim(folder)
        with writing(folder):
            clear_half_made(folder)
            store = LanceStore.create(folder, sizes(opened.card))
            if source == "copied":
                copy_in(opened, folder)
            manifest = Manifest.new(opened.card, source, name).at(store.version)
            manifest.save(folder)
        return cls(folder, manifest, store, opened)

    @classmethod
    def open(cls, path: str | Path, model: ModelLike | None = None) -> Catalogue:
        """Open a catalogue; if a power cut damaged its newest state, the last good one, with a warning.

        model: only needed when the catalogue was filled by a model in memory.

        Raises:
            CatalogueError: no catalogue, damaged beyond opening, or filled by another model than the one given.
        """
        folder = Path(path)
        manifest = Manifest.load(folder)
        given = None if model is None else resolve(model)[0]
        if given is not None:
            check_same(manifest.card, given.card, folder)
        store = LanceStore.open(folder, manifest.table_version)
        for note in store.notes:
            warnings.warn(note, RuntimeWarning, stacklevel=2)
        return cls(folder, manifest, store, given)

    def __len__(self) -> int:
        return self.store.count()

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str) and item in self.searcher.collection.places

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a query may name, beside "look"."""
        return self.manifest.card.vocabulary.names

    @property
    def searcher(self) -> Searcher:
        """The items in memory; read on first use and after every change made through this object."""
        if self._searcher is None:
            self._searcher = Searcher(Collection.load(self.store, self.manifest.card), self.model)
        return self._searcher

    def model(self) -> Model:
        """The model that filled this catalogue; opened when first needed.

        Raises:
            CatalogueError: it is gone, or another model now has its name.
        """
        if self._model is None:
            self._model = reopen(self.manifest, self.folder)
        return self._model

    def add(
        self,
        source: str | Path | ItemTable,
        labels: str | Path | None = None,
        *,
        strict: bool = False,
        workers: int = 2,
        progress: Progress | None = None,
        committed: Callable[[Sequence[str]], None] | None = None,
    ) -> AddReport:
        """Add a folder of photos, a table, or an `ItemTable`; resumable, nothing is embedded twice.

        An id that is stored with the same bytes is not embedded again, though its labels and metadata are
        brought up to date; an id whose photo changed is embedded anew and keeps its place.

        Args:
            source: see `lapel.datasets.read`.
            labels: a table whose `image` column names photos inside `source`.
            strict: raise the first unreadable photo instead of listing it in the report.
            workers: threads that read photos.
            progress: advanced by one a photo.
            committed: called after every commit with the ids now safe on disk.

        Raises:
            CatalogueError: another process is writing, or an id stands for two photos.
            TableError, ImageError: the source cannot be read; with `strict`, neither can a photo.
        """
        items = read_source(source, labels)

        def on_disk(ids: Sequence[str]) -> None:
            self._committed()
            if committed is not None:
                committed(ids)

        with writing(self.folder):
            self._refresh()
            self._know_labels(label_values(items))
            adding = Adding(
                self.store, self.manifest.card, self.model, items, on_disk, progress or Quiet(), strict, workers
            )
            try:
                return adding.run()
            finally:
                self._committed()

    def remove(self, ids: Sequence[str]) -> int:
        """Remove items by id; ids that are not there are passed over. Returns how many were removed."""
        with writing(self.folder):
            self._refresh()
            removed = self.store.delete(list(ids))
            self._committed()
        return removed

    def update(self, changes: Changes) -> UpdateReport:
        """Change labels and metadata of stored items, in one commit; photos and embeddings stay.

        Args:
            changes: id -> column -> new value (None empties the cell; columns not mentioned stay), or a table with
                a column `id` (Arrow, `ItemTable`, or a CSV or Parquet file), whose every cell is taken over. A
                column that is new is created.

        Raises:
            InputError: a column that the catalogue fills itself.
            TableError: no ids, or one twice.
            CatalogueError: another process is writing, or a column of another kind; nothing is changed then.
        """
        with writing(self.folder):
            self._refresh()
            table = as_table(changes, self.store)
            self._know_labels(new_labels(table, self.manifest))
            report = apply(self.store, table)
            self._committed()
        return report

    def compact(self) -> None:
        """Join the small pieces that many commits leave; changes no answer. Adding does it by itself at its end."""
        with writing(self.folder):
            self._refresh()
            self.store.compact()
            self._committed()

    def verify(self, *, photos: bool = False, progress: Progress | None = None) -> VerifyReport:
        """Read everything and report what is not as it was written; changes nothing.

        photos: look at the original photos as well (they are not needed to search).
        """
        return verify(self.store, self.manifest, self.folder, photos, progress)

    def get(self, item: str) -> StoredItem:
        """What is kept of an item: its metadata, labels, predicted values.

        Raises:
            UnknownName, QueryError: there is no such item.
        """
        return read_item(self.store, self.manifest, item)

    def matching(self, where: str) -> list[str]:
        """The ids of the items that meet a filter, in insertion order. Raises as a search's filter does."""
        condition = parse(where, [*FILTERABLE, *self.store.columns])
        return [str(item) for item in self.store.table(["id"])["id"].filter(self.store.filter(condition)).to_pylist()]

    def thumb(self, item: str) -> bytes:
        """An item's thumbnail, kept in the catalogue: JPEG, at most 256 pixels a side. Raises as `get` does."""
        return bytes(one_row(self.store, item, ["thumb"])["thumb"][0].as_py())

    def items(self) -> ItemTable:
        """The stored items with their labels and metadata, in insertion order."""
        return stored_items(self.store, self.manifest, self.folder)

    def embeddings(self) -> EmbeddingTable:
        """Everything the model gave for every item, in the order of `items`."""
        return stored_embeddings(self.store, self.manifest.card)

    def info(self) -> dict[str, Any]:
        """What it is and holds, JSON-ready."""
        files = [Path(at) / name for at, _, names in os.walk(self.folder) for name in names]
        return {
            "folder": str(self.folder),
            "items": len(self),
            "model": self.manifest.card.name,
            "fingerprint": self.manifest.card.fingerprint,
            "attributes": list(self.attributes),
            "columns": {name: str(kind) for name, kind in self.store.columns.items()},
            "labels": {name: list(values) for name, values in self.manifest.labels.items()},
            "created": self.manifest.created,
            "created_by": self.manifest.created_by,
            "version": self.store.version,
            "bytes": sum(path.stat().st_size for path in files if path.is_file()),
            "notes": list(self.store.notes),
        }

    def _refresh(self) -> None:
        """Another process may have written since this object was opened; a writer starts from the newest state."""
        self.manifest = Manifest.load(self.folder)
        self.store = LanceStore.open(self.folder, self.manifest.table_version, locked=True)
        self._searcher = None

    def _know_labels(self, seen: dict[str, tuple[str, ...]]) -> None:
        """Saved before the rows are: a label column must never pass for metadata."""
        self.manifest = self.manifest.with_labels(seen)
        self.manifest.save(self.folder)
        self.store.label_columns(tuple(self.manifest.labels))

    def _committed(self) -> None:
        self._searcher = None
        self.manifest = self.manifest.at(self.store.version)
        self.manifest.save(self.folder)
