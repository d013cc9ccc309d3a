"""The one door to a stored collection: make it, fill it, search it."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import Any

from lapel.catalogue.changing import Changing
from lapel.catalogue.columns import sizes, stored_embeddings, stored_items
from lapel.catalogue.making import claim, clear_half_made
from lapel.catalogue.manifest import Manifest
from lapel.catalogue.models import ModelLike, check_same, copy_in, reopen, resolve
from lapel.catalogue.records import StoredItem, one_row, read_item
from lapel.catalogue.searching import Searching
from lapel.catalogue.verifying import VerifyReport, verify
from lapel.progress import Progress
from lapel.schema import EmbeddingTable, ItemTable, Model
from lapel.search import Searcher
from lapel.search.cold import load_collection
from lapel.search.collection import chosen
from lapel.store import Place, Store, create_store, open_store, writing

DEFAULT_MODEL = "lapel-lite"


class Catalogue(Searching, Changing):
    """Items, their photos' embeddings and the model that made them, in one folder.

    One process writes at a time; others may search meanwhile and see what was stored when they opened it, or when
    they last called `refresh`.
    Make one by `Catalogue.create`, open one by `Catalogue.open`.
    """

    def __init__(self, folder: Path, manifest: Manifest, store: Store, model: Model | None = None) -> None:
        self.folder, self.manifest, self.store, self._model = folder, manifest, store, model
        self.store.label_columns(tuple(manifest.labels))
        self._searcher: Searcher | None = None
        self._loading = threading.RLock()

    @classmethod
    def create(cls, path: str | Path, model: ModelLike = DEFAULT_MODEL, store: str = "lance") -> Catalogue:
        """Make an empty catalogue in a new folder.

        Args:
            model: a shipped model's name, the folder of an exported ONNX model (copied in), or a model in memory.
            store: where the rows are kept: "lance" (in the folder), or "qdrant", "qdrant:URL", "qdrant:URL#NAME".

        Raises:
            CatalogueError: the folder holds something already.
            UnknownName: no such model.
        """
        folder = Path(path)
        place = Place.named(store, folder)
        opened, source, name = resolve(model)
        claim(folder)
        with writing(folder):
            clear_half_made(folder)
            rows = create_store(place, folder, sizes(opened.card))
            if source == "copied":
                copy_in(opened, folder)
            manifest = Manifest.new(opened.card, source, name, place).at(rows.version)
            manifest.save(folder)
        return cls(folder, manifest, rows, opened)

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
        store = open_store(manifest.place, folder, manifest.table_version)
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
        with self._loading:
            if self._searcher is None:
                self._searcher = self._load(self.manifest, self.store)
            return self._searcher

    def model(self) -> Model:
        """The model that filled this catalogue; opened when first needed.

        Raises:
            CatalogueError: it is gone, or another model now has its name.
        """
        if self._model is None:
            self._model = reopen(self.manifest, self.folder)
        return self._model

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
        allow = chosen(where, self.store, self.manifest.card, lambda asked: self.searcher.collection.predicts(asked))
        ids = self.store.table(["id"])["id"]
        return [str(item) for item in (ids if allow is None else ids.filter(allow)).to_pylist()]

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
            "store": self.manifest.place.kind,
            "bytes": sum(path.stat().st_size for path in files if path.is_file()),
            "notes": list(self.store.notes),
        }

    def refresh(self) -> bool:
        """Show what other processes have stored since; whether there was anything. Raises as `open` does.

        The items are loaded before they are shown: searches meanwhile are answered from the state before.
        """
        if self.store.newest() == self.store.version:
            return False
        manifest = Manifest.load(self.folder)
        store = open_store(manifest.place, self.folder, manifest.table_version)
        store.label_columns(tuple(manifest.labels))
        loaded = self._load(manifest, store) if self._searcher is not None else None
        self._adopt(manifest, store, loaded)
        return True

    def _load(self, manifest: Manifest, store: Store) -> Searcher:
        return Searcher(load_collection(self.folder, store, manifest.card), self.model)

    def _adopt(self, manifest: Manifest, store: Store, loaded: Searcher | None = None) -> None:
        """Show this state from now on; who searches at this moment keeps the one before."""
        with self._loading:
            self.manifest, self.store, self._searcher = manifest, store, loaded
