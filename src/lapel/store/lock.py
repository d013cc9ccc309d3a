"""One writer at a time: a lock file that the operating system frees when its holder dies, even by kill -9."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapel.errors import CatalogueError, InputError

LOOK_EVERY = 0.05


@contextmanager
def writing(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the catalogue's writer lock.

    wait: how many seconds to wait for another writer; 0 refuses at once.

    Raises:
        CatalogueError: another process is writing, still after waiting; the message names it.
        InputError: `wait` is negative or no number.
    """
    if not wait >= 0:
        raise InputError(f"wait is {wait}; give the seconds to wait for another writer, 0 for none.")
    path, until = folder / "writer.lock", time.monotonic() + wait
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _try_lock(handle):
            if time.monotonic() >= until:
                raise CatalogueError(_busy(folder, handle, wait))
            time.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"\nprocess {os.getpid()}".encode())
        yield
    finally:
        os.close(handle)  # closing frees the lock


def _busy(folder: Path, handle: int, wait: float) -> str:
    holder = os.pread(handle, 100, 1).decode(errors="replace").strip() if hasattr(os, "pread") else ""
    waited = f", still after {wait:g} s" if wait else ""
    return (
        f"{folder} is being written by another process{f' ({holder})' if holder else ''}{waited}. "
        "Searching it meanwhile is fine; to write, wait until that one has finished."
    )


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
