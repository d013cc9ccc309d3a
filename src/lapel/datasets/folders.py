"""Folders of photos -> ItemTable: class folders give the attribute `category`; loose photos have no label."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from lapel.datasets.cells import clean_split
from lapel.datasets.files import is_image
from lapel.errors import TableError
from lapel.schema import SPLITS, ItemTable, Vocabulary

CATEGORY = "category"

_TABLES = (".csv", ".tsv", ".parquet")


def load(root: Path, name: str) -> ItemTable:
    """Every photo below `root`, by file ending, in path order; hidden files and folders are passed over.

    `root/dress/1.jpg` gives category `dress`; `root/train/dress/1.jpg` also gives the split. When photos lie in
    `root` itself, or in one single folder, they are loose: no category.

    Raises:
        TableError: there is no photo.
    """
    photos, others = _walk(root)
    if not photos:
        raise TableError(
            f"{root}: there is no photo and no labels.csv or labels.parquet in this folder. "
            "Give a folder of photos, or a table with a column 'image'."
        )
    notes = [f"{others:,} other files were passed over."] if others else []
    tables = sorted(entry.name for entry in root.iterdir() if entry.suffix.lower() in _TABLES)
    if tables:
        notes.append(
            f"{tables[0]} was not read, because it is not called labels{Path(tables[0]).suffix}; name it itself."
        )
    parts = [photo.split("/") for photo in photos]
    splits, parts = _splits(parts)
    columns = {"id": photos, "image": photos} | ({"split": splits} if splits else {})
    classes = sorted({part[0] for part in parts if len(part) > 1})
    if len(classes) < 2 or any(len(part) == 1 for part in parts):
        notes.append("The photos are taken as loose, without labels.")
        return ItemTable(_table(columns), Vocabulary(()), root, name, notes=tuple(notes))
    columns[CATEGORY] = [part[0].replace("|", "/") for part in parts]
    return ItemTable(
        _table(columns), Vocabulary.of({CATEGORY: sorted(set(columns[CATEGORY]))}), root, name, True, tuple(notes)
    )


def _walk(root: Path) -> tuple[list[str], int]:
    photos, others = [], 0
    for folder, inner, names in os.walk(root, followlinks=True):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__MACOSX")))
        relative = os.path.relpath(folder, root).replace(os.sep, "/")
        for file in sorted(names):
            if is_image(file):
                photos.append(file if relative == "." else f"{relative}/{file}")
            elif not file.startswith("."):
                others += 1
    return photos, others


def _splits(parts: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Take the first folder away as the split, when every photo lies in a folder named like a split."""
    tops = [part[0] if len(part) > 1 else "" for part in parts]
    named = clean_split(pa.chunked_array([pa.array(tops, pa.string())])).to_pylist()
    if not set(named) <= set(SPLITS):
        return [], parts
    return named, [part[1:] for part in parts]


def _table(columns: dict[str, list[str]]) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
