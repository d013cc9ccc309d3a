"""`read`: find out what lies at a path and hand it to the reader that knows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from lapel.datasets import csv_table, folders, parquet_table
from lapel.datasets.columns import Roles, arrange
from lapel.datasets.files import Missing, check_images
from lapel.datasets.judged import with_triplets
from lapel.datasets.releases import detect, read_release
from lapel.errors import TableError, UnknownName
from lapel.schema import ItemTable

READERS: dict[str, Callable[[Path, Sequence[str]], pa.Table]] = {
    ".csv": csv_table.load,
    ".tsv": csv_table.load,
    ".txt": csv_table.load,
    ".parquet": parquet_table.load,
    ".pq": parquet_table.load,
}
"""File ending -> a function (file, columns to keep as text) -> raw table with the columns as named in the file."""

LABEL_FILES = ("labels.csv", "labels.parquet", "labels.tsv")
"""What a folder's table is called, first found first."""


def read(
    path: str | Path,
    *,
    attributes: Sequence[str] | None = None,
    metadata: Sequence[str] | None = None,
    name: str | None = None,
    missing: Missing = "strict",
    release: str | None = None,
    images: str | Path | None = None,
) -> ItemTable:
    """Read items from a table (CSV, TSV, Parquet), a folder with labels.csv or labels.parquet, a published release in
    its own layout, or a folder of photos.

    A table has one row a photo. Its image column is called image, path, file, filename or image_path; `id` (default:
    the image path as written), `split` (train, valid, test) and `mask` are optional, upper and lower case are alike.
    An empty cell is unknown; `a|b` holds both values. Paths are relative to the table's folder. In a folder of class
    folders, the folder's name becomes the attribute `category`; folders called train, valid and test become splits.

    Args:
        path: the table or folder.
        attributes: the columns that are attributes; every other column becomes metadata. None: text columns whose
            values repeat are taken as attributes, and the table's notes say which.
        metadata: columns that are metadata even if their values repeat.
        name: what reports call this data; default, the folder's or file's name.
        missing: rows whose image does not exist: "strict" raises, "skip" leaves them out and notes how many and
            which (the table is then not `complete`), "ignore" does not look (for millions of files far away).
        release: a name of `lapel.datasets.RELEASES`; None recognises a release by its layout.
        images: where a release's photos lie, if not where it has them.

    Raises:
        TableError: there is no such table, a column is missing, an id comes twice, an image is missing, ...
        UnknownName: a column named in `attributes` or `metadata`, or the release, does not exist.
    """
    path = Path(path)
    found = (release, path) if release else None if _find_table(path, own=True) else detect(path)
    if found is not None:
        table = read_release(*found, images=images, missing=missing)
        return _as_told(table, attributes, metadata, name)
    file = _find_table(path)
    if file is None:
        table = folders.load(path, name or path.resolve().name)
        return table if attributes is None else table.select(attributes)
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise TableError(
            f"{file}: '{file.suffix}' is not a table that Lapel reads. Give a {', '.join(READERS)} file, or a folder."
        )
    raw = reader(file, tuple(attributes or ()))
    return check_images(with_triplets(arrange(raw, Roles(attributes, metadata), file, name), file), missing)


def _as_told(
    table: ItemTable, attributes: Sequence[str] | None, metadata: Sequence[str] | None, name: str | None
) -> ItemTable:
    """A release's table with the attributes that the caller named, or without those that are to be metadata."""
    if name is not None:
        table = replace(table, name=name)
    for column in metadata or ():
        if column not in table.table.column_names:
            raise UnknownName("column", column, table.table.column_names, table.name)
    if attributes is None and not metadata:
        return table
    wanted = table.vocabulary.names if attributes is None else attributes
    return table.select([column for column in wanted if column not in set(metadata or ())])


def _find_table(path: Path, own: bool = False) -> Path | None:
    """The table at `path`: the file itself, or the one inside the folder; None for a folder of photos.

    own: None also for a file that a release may have, which has no header line.
    """
    if own and path.is_file():
        return None if path.suffix.lower() == ".csv" else path
    if path.is_dir():
        return next((path / name for name in LABEL_FILES if (path / name).is_file()), None)
    if not path.exists():
        raise TableError(f"{path}: there is no such file or folder. Give a table (.csv, .parquet) or a folder.")
    return path
