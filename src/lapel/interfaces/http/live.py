"""The catalogue as it is now: one snapshot in memory for all requests, replaced when the stored one has changed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from lapel.catalogue import Catalogue
from lapel.catalogue.manifest import FILE
from lapel.errors import LapelError
from lapel.interfaces.http.batching import BatchedModel
from lapel.interfaces.http.facets import facets

log = logging.getLogger("lapel.http")
T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """One state of the catalogue. It is only read; a change on disk makes a new one."""

    catalogue: Catalogue
    stamp: tuple[int, ...]
    loaded: float = field(default_factory=time.time)

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """The catalogue's columns with what filter widgets need; see `facets`."""
        return facets(self.catalogue)


class Live:
    """Gives each request the newest loaded snapshot.

    Whether another process has written is one look at catalogue.json's date and size, at most every
    `refresh_seconds` (of rows on a server, one small request beside). Loading happens beside the requests, which go
    on with the snapshot they have; after a load that took long, the next one waits four times as long, so that a
    busy writer does not take the machine.
    """

    def __init__(self, catalogue: Catalogue, model: BatchedModel, refresh_seconds: float) -> None:
        self.folder, self.model = Path(catalogue.folder), model
        self._every, self._looked, self._rest = refresh_seconds, 0.0, 0.0
        self._loading: asyncio.Future[None] | None = None
        self._changing = threading.Lock()
        self.trouble = ""
        self._near, self._newest = catalogue.manifest.place.kind == "lance", catalogue.store.newest
        self.now = self._load()

    def current(self) -> Snapshot:
        """The snapshot to answer from. Called on the event loop; starts a reload when the stored state is another."""
        moment = time.monotonic()
        if moment - self._looked >= max(self._every, self._rest) and self._loading is None:
            self._looked = moment
            if not self._near or self._changed():
                self._loading = asyncio.get_running_loop().run_in_executor(None, self._look)
                self._loading.add_done_callback(self._loaded)
        return self.now

    def stamp(self) -> tuple[int, ...]:
        """What changes whenever the catalogue is written: catalogue.json is replaced after every commit.

        Of rows on a server, their version besides: another machine writes there. Empty when it cannot be told.
        """
        try:
            found = (self.folder / FILE).stat()
            there = () if self._near else (self._newest(),)
        except (OSError, LapelError):
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size, *there

    def reload(self) -> None:
        """Load what is stored now; when that fails, the old snapshot stays and `trouble` says why."""
        began = time.monotonic()
        try:
            self.now, self.trouble = self._load(), ""
        except LapelError as error:
            self.trouble = str(error)
            log.error("The catalogue has changed and cannot be loaded; the state before is served. %s", error)
        self._rest = 4 * (time.monotonic() - began)

    def change(self, call: Callable[[Catalogue], T]) -> T:
        """Write through a catalogue object of its own, one writer of this server at a time, then serve the result."""
        with self._changing:
            try:
                return call(self._open())
            finally:
                self.reload()

    def _changed(self) -> bool:
        return self.stamp() not in ((), self.now.stamp)

    def _look(self) -> None:
        if self._changed():
            self.reload()

    def _load(self) -> Snapshot:
        stamp = self.stamp()  # before reading: a commit in between is then seen as another change
        catalogue = self._open()
        _ = catalogue.searcher
        return Snapshot(catalogue, stamp)

    def _open(self) -> Catalogue:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            opened = Catalogue.open(self.folder, self.model)
        for note in opened.store.notes:
            log.warning(note)
        return opened

    def _loaded(self, done: asyncio.Future[None]) -> None:
        self._loading = None
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("Reloading the catalogue failed.", exc_info=error)
