"""Do the images of a table exist? Asked by listing folders, so that a million rows take seconds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.errors import TableError
from lapel.schema import ItemTable

Missing = Literal["strict", "skip", "ignore"]

IMAGE_ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".ppm")
)
"""File endings by which a photo is recognised in a folder; a table may name a file with any ending."""

_SHOWN = 3


def missing_rows(table: ItemTable, column: str = "image") -> NDArray[np.int64]:
    """Rows whose file in this column (image or mask) does not exist, ascending; an empty cell misses nothing."""
    root = str(table.root)
    listed: dict[str, frozenset[str]] = {}
    rows = []
    for row, image in enumerate(table.table[column].to_pylist()):
        if image is None:
            continue
        folder, base = os.path.split(os.path.join(root, image))
        names = listed.get(folder)
        if names is None:
            names = listed[folder] = _names(folder)
        # A listing is the quick answer; the file system has the last word (case, links, odd Unicode).
        if base not in names and not os.path.exists(os.path.join(folder, base)):
            rows.append(row)
    return np.asarray(rows, np.int64)


def check_images(table: ItemTable, missing: Missing) -> ItemTable:
    """The table itself, or without the rows whose image is missing.

    Raises:
        TableError: with "strict", an image is missing; with "skip", all are; or another word was given.
    """
    if missing not in ("strict", "skip", "ignore"):
        raise TableError(f"missing is '{missing}'; expected strict, skip or ignore.")
    rows = missing_rows(table) if missing != "ignore" else np.empty(0, np.int64)
    if not len(rows):
        return table
    shown = first_few(table.table["image"].take(pa.array(rows)).to_pylist())
    if missing == "strict" or len(rows) == len(table):
        raise TableError(
            f"{table.name}: {len(rows):,} of {len(table):,} images do not exist: {shown}. Image paths are "
            f"relative to {table.root}. Correct them, or leave these rows out with missing='skip' (--skip)."
        )
    kept = np.ones(len(table), bool)
    kept[rows] = False
    note = f"{len(rows):,} of {len(table):,} rows left out because their image does not exist: {shown}."
    return replace(table.take(kept), complete=False, notes=(*table.notes, note))


def first_few(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def before_images(base: Path, root: Path) -> str:
    """What stands before an image path in `base` to make it relative to root; absolute when it lies elsewhere."""
    if base == root:
        return ""
    if base.is_relative_to(root):
        return f"{base.relative_to(root).as_posix()}/"
    return f"{os.path.abspath(base)}/"


def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in os.scandir(folder))
    except (OSError, ValueError):
        return frozenset()


def is_image(name: str) -> bool:
    """Whether a file name ends like a photo's and is not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_ENDINGS
