"""Content and perceptual hash of many files, by threads, remembered so that a second run only looks at file dates."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel import cache
from lapel.errors import ImageError
from lapel.images.hashing import content_hash, perceptual_hash, thumbnail
from lapel.images.near import near_groups
from lapel.images.opening import open_image
from lapel.images.reading import map_ordered
from lapel.progress import Progress, Quiet

VERSION = 1
"""Part of the store's file name: raise it whenever `perceptual_hash` or `thumbnail` changes."""

_COMMIT_EVERY = 500


@dataclass(frozen=True)
class Fingerprint:
    """One readable picture: 32 hex digits of its bytes, 64 bits of its look, a 17 x 17 thumbnail, its upright size."""

    content: str
    look: int
    thumbnail: bytes
    width: int
    height: int


class HashStore:
    """Fingerprints by content, and content by file identity, in one SQLite file; safe under several processes.

    A store that cannot be opened or written is left alone: hashing then simply starts from nothing.
    """

    def __init__(self, file: Path | None = None) -> None:
        try:
            file = file or cache.make("hashes") / f"v{VERSION}.sqlite"
            self._base: sqlite3.Connection | None = sqlite3.connect(file, timeout=30, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute("CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, identity TEXT, content TEXT)")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS look (content TEXT PRIMARY KEY, look TEXT, thumb BLOB, w INT, h INT)"
            )
        except (OSError, sqlite3.Error):
            self._base = None
        self._since = 0
        self._lock = threading.Lock()

    def by_path(self, path: str, identity: str) -> Fingerprint | None:
        """What is known of this very file, unchanged since."""
        row = self._ask("SELECT content FROM file WHERE path = ? AND identity = ?", path, identity)
        return self.by_content(row[0]) if row else None

    def by_content(self, content: str) -> Fingerprint | None:
        """What is known of a file with these bytes."""
        row = self._ask("SELECT look, thumb, w, h FROM look WHERE content = ?", content)
        return Fingerprint(content, int(row[0], 16), *row[1:]) if row else None

    def add(self, path: str, identity: str, found: Fingerprint) -> None:
        """Remember a fingerprint."""
        self._do("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", path, identity, found.content)
        look = f"{found.look:016x}"
        self._do(
            "INSERT OR REPLACE INTO look VALUES (?, ?, ?, ?, ?)",
            *(found.content, look, found.thumbnail, found.width, found.height),
        )
        self._since += 1
        if self._since >= _COMMIT_EVERY:
            self.commit()

    def commit(self) -> None:
        """Put what was added on disk."""
        self._since = 0
        if self._base is not None:
            try:
                with self._lock:
                    self._base.commit()
            except sqlite3.Error:
                self.close()

    def close(self) -> None:
        """Let the file go."""
        if self._base is not None:
            self._base.close()
        self._base = None

    def _ask(self, question: str, *values: str) -> tuple[Any, ...] | None:
        if self._base is None:
            return None
        try:
            with self._lock:
                return self._base.execute(question, values).fetchone()  # type: ignore[no-any-return]
        except sqlite3.Error:
            return None

    def _do(self, statement: str, *values: object) -> None:
        if self._base is not None:
            try:
                with self._lock:
                    self._base.execute(statement, values)
            except sqlite3.Error:
                self.close()


def fingerprints(
    paths: Sequence[str | Path], workers: int = 2, store: HashStore | None = None, progress: Progress | None = None
) -> Iterator[Fingerprint | ImageError]:
    """A fingerprint per path, in order; an ImageError stands in the place of a picture that cannot be used.

    Every picture that is not in the store is decoded in full, so that one which ends too early is found.
    """
    progress = progress or Quiet()
    known: dict[int, Fingerprint] = {}
    identities = [_identity(path) for path in paths]
    if store is not None:
        for row, path in enumerate(paths):
            if identities[row] and (found := store.by_path(_key(path), identities[row])):
                known[row] = found
    fresh = [row for row in range(len(paths)) if row not in known]
    results = map_ordered(partial(_fingerprint, store), [paths[row] for row in fresh], workers, skip=True)
    try:
        for row, path in enumerate(paths):
            result = known[row] if row in known else next(results)[1]
            if store is not None and row not in known and isinstance(result, Fingerprint) and identities[row]:
                store.add(_key(path), identities[row], result)
            progress.advance()
            yield result
    finally:
        results.close()  # type: ignore[attr-defined]
        if store is not None:
            store.commit()


def contents(paths: Sequence[Path], workers: int = 2) -> list[str]:
    """The hash of each file's bytes, in order, from Lapel's store where the file is known and unchanged.

    Raises:
        ImageError: a picture cannot be used.
    """
    store, hashes = HashStore(), []
    try:
        for found in fingerprints(paths, workers, store):
            if not isinstance(found, Fingerprint):
                raise found
            hashes.append(found.content)
    finally:
        store.close()
    return hashes


def look_alikes(found: Sequence[Fingerprint | ImageError]) -> NDArray[np.int64]:
    """(n,) group numbers of near and exact duplicates; an unusable picture is alone in its group."""
    rows = [row for row, one in enumerate(found) if isinstance(one, Fingerprint)]
    good = [one for one in found if isinstance(one, Fingerprint)]
    groups = len(good) + np.arange(len(found))
    if good:
        hashes = np.array([one.look for one in good], np.uint64)
        thumbnails = np.frombuffer(b"".join(one.thumbnail for one in good), np.uint8).reshape(len(good), -1)
        groups[rows] = near_groups(hashes, thumbnails=thumbnails)
    return groups


def _fingerprint(store: HashStore | None, path: str | Path) -> Fingerprint:
    content = content_hash(path)
    if store is not None and (found := store.by_content(content)):
        return found
    image = open_image(path)
    return Fingerprint(content, perceptual_hash(image), thumbnail(image).tobytes(), *image.size)


def _key(path: str | Path) -> str:
    return os.fsencode(os.path.abspath(path)).hex()


def _identity(path: str | Path) -> str:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
