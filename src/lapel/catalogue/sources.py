"""What `Catalogue.add` was given -> lots of photos with their columns."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from lapel.catalogue.columns import image_paths, kind_of, label_values, user_columns
from lapel.errors import InputError
from lapel.images import Source
from lapel.schema import SEPARATOR, Attribute, ItemTable, Vocabulary
from lapel.store.base import OWN

Entry = tuple[str, Source | Image.Image, Mapping[str, Any]]
"""(id, photo, metadata): the photo's path, the bytes of its file, or a PIL picture; a set or list is a label."""

Photos = str | Path | ItemTable | Iterable[Entry]

FIRST_PHOTOS = 100

ENTRIES_A_LOT = 1024
"""Items of an iterator that are looked at together; their bytes are in memory."""


@dataclass(frozen=True)
class Lot:
    """Items to add: ids, photos (paths, or bytes), the paths to store ("" for bytes), and the user's columns.

    labels: label column -> values that occur.
    """

    ids: Sequence[str]
    photos: Sequence[Source]
    images: Sequence[str]
    columns: pa.Table
    labels: Mapping[str, tuple[str, ...]]

    def user(self, rows: Sequence[int]) -> dict[str, pa.ChunkedArray]:
        """The user's columns of these rows."""
        chosen = pa.array(rows, pa.int64())
        return {name: self.columns[name].take(chosen) for name in self.columns.column_names}


def lots(source: Photos, labels: str | Path | None = None) -> Iterator[Lot]:
    """Any source as lots: a folder or table is one, an iterator is cut into several.

    Raises:
        TableError, InputError: see `read_source`; an id twice, or an entry that is no (id, photo, metadata).
    """
    if isinstance(source, (str, Path, ItemTable)):
        items = read_source(source, labels)
        paths = image_paths(items)
        yield Lot(items.ids, paths, paths, user_columns(items), label_values(items))
        return
    if labels is not None:
        raise InputError("An iterator brings its own labels (a set of texts is one); leave `labels` out.")
    seen: set[str] = set()
    entries = iter(source)
    while chunk := list(itertools.islice(entries, ENTRIES_A_LOT)):
        yield _lot([_checked(entry, seen) for entry in chunk])


def _checked(entry: Any, seen: set[str]) -> Entry:
    try:
        item, photo, metadata = entry
    except (TypeError, ValueError):
        raise InputError(f"{entry!r:.80} is no item; give (id, photo, metadata).") from None
    if not isinstance(item, str) or not item or item in seen:
        raise InputError(f"{item!r:.80} is no id, or comes twice; give every item a text of its own.")
    if not isinstance(photo, (str, Path, bytes, Image.Image)):
        raise InputError(f"The photo of '{item}' is {type(photo).__name__}; give its path, its bytes or a PIL picture.")
    if not isinstance(metadata, Mapping):
        raise InputError(f"The metadata of '{item}' are {type(metadata).__name__}; give column -> value, or {{}}.")
    seen.add(item)
    return item, photo, metadata


def _lot(entries: Sequence[Entry]) -> Lot:
    photos = [_source(photo) for _, photo, _ in entries]
    names = list(dict.fromkeys(name for _, _, metadata in entries for name in metadata))
    columns: dict[str, pa.ChunkedArray] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for name in names:
        cells = [metadata.get(name) for _, _, metadata in entries]
        free = _free(name, names)
        if any(isinstance(cell, (set, frozenset, list, tuple)) for cell in cells):
            held = [_several(cell) for cell in cells]
            labels[free] = tuple(sorted({value for cell in held for value in cell}))
            cells = [SEPARATOR.join(cell) or None for cell in held]
        column = _column(name, cells)
        if column.null_count < len(column):
            columns[free] = column
    images = ["" if isinstance(photo, bytes) else photo for photo in photos]
    return Lot([item for item, _, _ in entries], photos, images, pa.table(columns), labels)


def _several(cell: Any) -> list[str]:
    if cell is None:
        return []
    return [cell] if isinstance(cell, str) else sorted({str(value) for value in cell})


def _column(name: str, cells: Sequence[Any]) -> pa.ChunkedArray:
    try:
        column = pa.chunked_array([pa.array(cells)])
        return column if pa.types.is_null(column.type) else column.cast(kind_of(column.type, name))
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise InputError(
            f"The metadata '{name}' are of several kinds ({error}). Give text, whole numbers, numbers, or true and "
            "false, one kind a column."
        ) from error


def _source(photo: Source | Image.Image) -> str | bytes:
    """An absolute path, or bytes: a picture in memory becomes a PNG file, so that it has a content hash."""
    if isinstance(photo, bytes):
        return photo
    if not isinstance(photo, Image.Image):
        return str(Path(photo).absolute())
    file = io.BytesIO()
    photo.convert("RGB").save(file, "PNG", compress_level=1)
    return file.getvalue()


def read_source(source: str | Path | ItemTable, labels: str | Path | None = None) -> ItemTable:
    """Read a source; with `labels`, that table says which photos and `source` is the folder they lie in.

    A column that has the name of one that every catalogue fills itself (`look`, `values`, `hash`, ...) gets a `_`
    behind its name.

    Raises:
        TableError: see `lapel.datasets.read`.
        InputError: `labels` beside something that is no folder.
    """
    if isinstance(source, ItemTable):
        if labels is not None:
            raise InputError("An item table brings its own labels; leave `labels` out.")
        return _with_free_names(source)
    from lapel.datasets import read

    if labels is None:
        return _with_free_names(read(source, missing="ignore"))  # a missing photo is listed like any unreadable one
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"'{source}' is no folder; with a label table, give the folder that its photos lie in.")
    items = read(labels, missing="ignore")
    return _with_free_names(replace(items, root=_root(items, folder, Path(labels))))


def _root(items: ItemTable, folder: Path, table: Path) -> Path:
    """What the table's paths begin at: `folder`, as is documented.

    Raises:
        InputError: none of the first photos lies there, and they lie beside the table: every photo would be
            listed as unreadable.
    """
    names = items.table["image"].slice(0, FIRST_PHOTOS).to_pylist()
    if any((table.parent / name).is_file() for name in names) and not any((folder / n).is_file() for n in names):
        raise InputError(
            f"'{table}' names its photos from its own folder ('{names[0]}'), not from '{folder}'. "
            f"Give '{table.parent}' as the folder, or the table alone."
        )
    return folder


def _with_free_names(items: ItemTable) -> ItemTable:
    taken = items.table.column_names
    names = {name: name if name in ("id", "image") else _free(name, taken) for name in taken}
    if all(name == free for name, free in names.items()):
        return items
    vocabulary = Vocabulary(tuple(Attribute(names[a.name], a.values) for a in items.vocabulary))
    return replace(items, table=items.table.rename_columns(list(names.values())), vocabulary=vocabulary)


def _free(name: str, taken: Sequence[str]) -> str:
    free = name
    while free in OWN or (free != name and free in taken):
        free += "_"
    return free
