"""The one folder where Lapel keeps things on this machine that it could make again: resized photos and hashes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lapel.errors import InputError

MARK = "CACHEDIR.TAG"
"""Backup programs leave a folder out that holds this file; `clear` only removes a folder that holds it."""

_MARK_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Lapel's cache: everything here can be made again.\n"


@dataclass(frozen=True)
class Part:
    """One thing in the cache: its name, how many files, how many bytes."""

    name: str
    files: int
    bytes: int


@dataclass(frozen=True)
class CacheInfo:
    """Where the cache is and what it holds, greatest part first."""

    folder: Path
    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(part.bytes for part in self.parts)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        parts = {part.name: {"files": part.files, "bytes": part.bytes} for part in self.parts}
        return {"folder": str(self.folder), "bytes": self.bytes, "parts": parts}


def cache_dir() -> Path:
    """The cache folder; it need not exist yet. The environment variable LAPEL_CACHE moves it."""
    if own := os.environ.get("LAPEL_CACHE"):
        return Path(own).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("lapel", appauthor=False)


def make(name: str) -> Path:
    """The folder `cache_dir()/name`, created, with the mark that makes `clear` willing to remove it.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / MARK
    if not mark.exists():
        mark.write_text(_MARK_TEXT, encoding="ascii")
    (folder / name).mkdir(exist_ok=True)
    return folder / name


def info() -> CacheInfo:
    """What the cache holds now."""
    folder = cache_dir()
    parts = [_measure(entry) for entry in folder.iterdir() if entry.name != MARK] if folder.is_dir() else []
    return CacheInfo(folder, tuple(sorted(parts, key=lambda part: (-part.bytes, part.name))))


def clear() -> CacheInfo:
    """Remove everything in the cache; gives what was removed.

    Raises:
        InputError: the folder holds files but not Lapel's mark: somebody pointed LAPEL_CACHE at another folder.
    """
    held = info()
    if held.parts and not (held.folder / MARK).is_file():
        raise InputError(
            f"{held.folder} does not look like Lapel's cache (no {MARK} in it), so nothing was removed. "
            "Set LAPEL_CACHE to the right folder, or remove this one by hand."
        )
    if held.folder.is_dir():
        shutil.rmtree(held.folder)
    return held


def _measure(entry: Path) -> Part:
    if not entry.is_dir():
        return Part(entry.name, 1, entry.stat().st_size)
    files = size = 0
    for folder, _, names in os.walk(entry):
        for name in names:
            try:
                size += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:  # a writer of another process finished in between
                continue
            files += 1
    return Part(entry.name, files, size)
