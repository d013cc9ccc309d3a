"""Make what was written survive a power cut: the engine acknowledges a commit before the disk has it."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file as a whole: readers see the old or the new content, also after a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names inside a folder last; where folders cannot be opened (Windows), do nothing."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except (PermissionError, IsADirectoryError):
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class NewFiles:
    """Remembers which files of a tree are already on disk, and syncs the others; begun on no tree, it syncs all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known = {path for path, _ in self._files()}

    def sync(self) -> list[str]:
        """Flush every file that appeared since the last call, then the folders that hold them; gives the files."""
        folders: set[str | Path] = set()
        new: list[str] = []
        for path, folder in self._files():
            if path not in self._known:
                _flush(path)
                folders |= {folder, self.root}
                self._known.add(path)
                new.append(path)
        for name in folders:
            sync_folder(Path(name))
        return new

    def _files(self) -> list[tuple[str, str]]:
        return [(os.path.join(folder, name), folder) for folder, _, names in os.walk(self.root) for name in names]


def _flush(path: str) -> None:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # the engine tidied it away meanwhile
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
