"""Arrays of one shape under keys, in one file that only grows: what is in it survives any stop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.errors import CatalogueError, ShapeError, TrainingError
from lapel.schema import Floats
from lapel.store.lock import writing

WAIT = 600.0
"""Seconds to wait for another process that writes the same rows; an append takes a fraction of one."""


class Rows:
    """`rows.bin`, records of equal size, and `keys.txt`, one key a line, in the same order.

    A record counts from the moment its key's line is whole, which is written after the record is on the disk: a
    process killed at any point leaves at most a tail that the next writer overwrites. Several processes may read and
    write; each sees what the others added after `refresh`.

    Args:
        folder: of these rows alone; made if need be.
        shape: of one record. kind: "float32", or "float16", which halves the disk and rounds to 11 bits.
    """

    def __init__(self, folder: str | Path, shape: tuple[int, ...], kind: str = "float32") -> None:
        self.folder, self.shape, self.kind = Path(folder), shape, np.dtype(kind)
        self.size = int(np.prod(shape)) * self.kind.itemsize
        self.data, self.names = self.folder / "rows.bin", self.folder / "keys.txt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"'{folder}' cannot be made: {error}. LAPEL_CACHE moves the cache.") from error
        self._place: dict[str, int] = {}
        self._seen: NDArray[np.generic] | None = None
        self.refresh()

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, key: str) -> bool:
        return key in self._place

    def refresh(self) -> None:
        """See what is on the disk now."""
        lines = self.names.read_bytes() if self.names.is_file() else b""
        keys = lines[: lines.rfind(b"\n") + 1].decode("ascii").split("\n")[:-1]  # a torn last line does not count
        held = self.data.stat().st_size // self.size if self.data.is_file() else 0
        self._place = {key: row for row, key in enumerate(keys[:held])}
        self._count = min(len(keys), held)
        self._seen = None

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those that have no record yet, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self._place]

    def add(self, keys: Sequence[str], records: Floats) -> None:
        """Append records (n, *shape); keys that another process has added meanwhile are left as they are.

        Raises:
            ShapeError: records of another shape, or that are no numbers in this kind.
            TrainingError: the disk is full, or another process holds the lock for minutes.
        """
        if records.shape != (len(keys), *self.shape):
            raise ShapeError(f"Records are {records.shape}; {len(keys)} keys of shape {self.shape} were expected.")
        with np.errstate(over="ignore"):
            whole = np.ascontiguousarray(records, dtype=self.kind)
        if not np.isfinite(whole).all():
            raise ShapeError(f"A feature is no number, or too great for {self.kind}; nothing was kept.")
        try:
            with writing(self.folder, wait=WAIT):
                self.refresh()
                fresh = [row for row, key in enumerate(keys) if key not in self._place]
                if fresh:
                    self._append([keys[row] for row in fresh], whole[fresh])
        except CatalogueError as error:
            raise TrainingError(f"The features in '{self.folder}' are being written by another process.") from error
        except OSError as error:
            raise TrainingError(
                f"'{self.folder}' cannot be written ({error.strerror or error}); what was computed before is kept."
            ) from error
        self.refresh()

    def take(self, keys: Sequence[str]) -> Floats:
        """(len(keys), *shape) float32.

        Raises:
            KeyError: a key without a record.
        """
        if self._seen is None:
            shape = (self._count, *self.shape)
            self._seen = np.memmap(self.data, self.kind, "r", shape=shape) if self._count else np.zeros(shape)
        return np.asarray(self._seen[[self._place[key] for key in keys]], np.float32)

    def _append(self, keys: Sequence[str], records: NDArray[np.generic]) -> None:
        text = self.names.read_bytes()[: self._key_bytes()] if self.names.is_file() else b""
        with open(self.data, "r+b" if self.data.exists() else "w+b") as file:
            file.seek(self._count * self.size)
            file.write(records.tobytes())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        with open(self.names, "r+b" if self.names.exists() else "w+b") as file:
            file.seek(len(text))
            file.write("".join(f"{key}\n" for key in keys).encode("ascii"))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    def _key_bytes(self) -> int:
        """Length of the lines that count."""
        lines = self.names.read_bytes().split(b"\n")
        return sum(len(line) + 1 for line in lines[: self._count])
