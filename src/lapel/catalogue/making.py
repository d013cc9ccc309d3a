"""Where a new catalogue may be made, and what an unfinished creation leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

from lapel.catalogue.manifest import FILE
from lapel.catalogue.models import FOLDER
from lapel.errors import CatalogueError

OWN_FILES = frozenset({"items.lance", "items.sums", "search.cold", "qdrant", FOLDER, "writer.lock"})


def claim(folder: Path) -> None:
    """Make the folder, or accept an empty one or one where a creation was cut short.

    Raises:
        CatalogueError: something else is there.
    """
    if folder.is_file():
        raise CatalogueError(f"{folder} is a file; give the name of a folder for the catalogue.")
    if (folder / FILE).exists():
        raise CatalogueError(f"{folder} is a catalogue already; open it, or choose another name.")
    if folder.is_dir() and (others := {path.name for path in folder.iterdir()} - OWN_FILES):
        raise CatalogueError(f"{folder} is not empty (it holds {min(others)}); give a new folder for the catalogue.")
    folder.mkdir(parents=True, exist_ok=True)


def clear_half_made(folder: Path) -> None:
    """Remove what a creation that was cut short left behind."""
    for name in ("items.lance", "qdrant", FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
