"""What changes a catalogue: add, update, remove, compact. One writer at a time, on a store object of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lapel.catalogue.adding import Adding, AddReport
from lapel.catalogue.engines import Engine, PlainEngine
from lapel.catalogue.manifest import Manifest
from lapel.catalogue.sources import Photos, lots
from lapel.catalogue.updating import Changes, UpdateReport, apply, as_table, new_labels
from lapel.errors import UnknownName
from lapel.progress import Progress, Quiet
from lapel.schema import Model
from lapel.search.cold import warm
from lapel.store import Store, open_store, writing

ENGINES = ("plain", "ray")


@dataclass
class Writer:
    """The newest state of a catalogue in the hands of the one who holds the lock."""

    folder: Path
    manifest: Manifest
    store: Store

    def know_labels(self, seen: Mapping[str, tuple[str, ...]]) -> None:
        """Saved before the rows are: a label column must never pass for metadata."""
        manifest = self.manifest.with_labels(dict(seen))
        if manifest != self.manifest:
            self.manifest = manifest
            manifest.save(self.folder)
        self.store.label_columns(tuple(manifest.labels))

    def committed(self) -> None:
        """Record that what the store wrote is on disk; after this an item counts as stored."""
        if self.store.version != self.manifest.table_version:
            self.manifest = self.manifest.at(self.store.version)
            self.manifest.save(self.folder)


class Changing(ABC):
    """The part of `Catalogue` that writes. Searches of the same object go on with the state before until it is done."""

    folder: Path
    manifest: Manifest

    @abstractmethod
    def model(self) -> Model:
        """The model that filled this catalogue."""

    @abstractmethod
    def _adopt(self, manifest: Manifest, store: Store) -> None:
        """Show this state from now on."""

    def add(
        self,
        source: Photos,
        labels: str | Path | None = None,
        *,
        strict: bool = False,
        workers: int = 2,
        wait: float = 0.0,
        engine: str = "plain",
        progress: Progress | None = None,
        committed: Callable[[Sequence[str]], None] | None = None,
    ) -> AddReport:
        """Add photos; resumable after a stop at any moment, nothing is embedded twice.

        An id that is stored with the same bytes is not embedded again, though its labels and metadata are
        brought up to date; an id whose photo changed is embedded anew and keeps its place; a photo whose bytes are
        stored under another id takes what is stored.

        Args:
            source: a folder or table (see `lapel.datasets.read`), an `ItemTable`, or anything that gives
                (id, photo, metadata): the photo's path, the bytes of its file or a PIL picture; column -> value,
                where a set or list of texts is a label.
            labels: a table whose `image` column names photos inside `source`.
            strict: raise the first unreadable photo instead of listing it in the report.
            workers: threads that read photos; with Ray, processes that embed.
            wait: seconds to wait for another writer before refusing.
            engine: "plain" (this process) or "ray" (Ray Data, see the page on clusters).
            progress: advanced by one a photo.
            committed: called after every commit with the ids now safe on disk.

        Raises:
            CatalogueError: another process is writing, or an id stands for two photos.
            TableError, InputError, ImageError: the source cannot be read; with `strict`, neither can a photo.
            MissingExtra: Ray is asked for and not installed.
        """
        with self._writing(wait) as writer:

            def on_disk(ids: Sequence[str]) -> None:
                writer.committed()
                if committed is not None:
                    committed(ids)

            with closing(self._engine(engine, workers)) as embedder:
                adding = Adding(
                    writer.store, self.manifest.card, embedder, on_disk, progress or Quiet(), strict, workers
                )
                for lot in lots(source, labels):
                    writer.know_labels(lot.labels)
                    adding.run(lot)
            writer.store.compact()
            warm(self.folder, writer.store, writer.manifest.card)
        return adding.report

    def remove(self, ids: Sequence[str], *, wait: float = 0.0) -> int:
        """Remove items by id; ids that are not there are passed over. Returns how many were removed.

        wait: seconds to wait for another writer before refusing.
        """
        with self._writing(wait) as writer:
            return writer.store.delete(list(ids))

    def update(self, changes: Changes, *, wait: float = 0.0) -> UpdateReport:
        """Change labels and metadata of stored items, in one commit; photos and embeddings stay.

        Args:
            changes: id -> column -> new value (None empties the cell; columns not mentioned stay), or a table with
                a column `id` (Arrow, `ItemTable`, or a CSV or Parquet file), whose every cell is taken over. A
                column that is new is created.
            wait: seconds to wait for another writer before refusing.

        Raises:
            InputError: a column that the catalogue fills itself.
            TableError: no ids, or one twice.
            CatalogueError: another process is writing, or a column of another kind; nothing is changed then.
        """
        with self._writing(wait) as writer:
            table = as_table(changes, writer.store)
            writer.know_labels(new_labels(table, writer.manifest))
            return apply(writer.store, table)

    def compact(self, *, wait: float = 0.0) -> None:
        """Join the small pieces that many commits leave; changes no answer. Adding does it by itself at its end."""
        with self._writing(wait) as writer:
            writer.store.compact()
            warm(self.folder, writer.store, writer.manifest.card)

    @contextmanager
    def _writing(self, wait: float) -> Iterator[Writer]:
        """Start from the newest state, which another process may have written; show the result when done."""
        with writing(self.folder, wait):
            manifest = Manifest.load(self.folder)
            store = open_store(manifest.place, self.folder, manifest.table_version, locked=True)
            store.label_columns(tuple(manifest.labels))
            writer = Writer(self.folder, manifest, store)
            try:
                yield writer
            finally:
                writer.committed()
                self._adopt(writer.manifest, writer.store)

    def _engine(self, name: str, workers: int) -> Engine:
        if name == "plain":
            return PlainEngine(self.manifest.card, self.model, workers)
        if name != "ray":
            raise UnknownName("engine", name, ENGINES)
        from lapel.catalogue.ray_engine import RayEngine

        return RayEngine(self.model(), workers)
