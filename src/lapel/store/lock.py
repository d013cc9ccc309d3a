"""One writer at a time: a lock file that the operating system frees when its holder dies, even by kill -9."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapel.errors import CatalogueError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the catalogue's writer lock; never waits.

    Raises:
        CatalogueError: another process is writing; the message names it.
    """
    path = folder / "writer.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _try_lock(handle):
            holder = os.pread(handle, 100, 1).decode(errors="replace").strip() if hasattr(os, "pread") else ""
            raise CatalogueError(
                f"{folder} is being written by another process{f' ({holder})' if holder else ''}. "
                "Searching it meanwhile is fine; to write, wait until that one has finished."
            )
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"\nprocess {os.getpid()}".encode())
        yield
    finally:
        os.close(handle)  # closing frees the lock


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _try_lock(handle: int) -> bool:
        # The first byte is locked (readers of the holder's name start behind it: Windows locks are mandatory).
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
