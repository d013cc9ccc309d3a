"""What `Catalogue.add` was given -> an item table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lapel.errors import InputError
from lapel.schema import Attribute, ItemTable, Vocabulary
from lapel.store.base import OWN


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
    return _with_free_names(replace(read(labels, missing="ignore"), root=folder))


def _with_free_names(items: ItemTable) -> ItemTable:
    names: dict[str, str] = {}
    for name in items.table.column_names:
        free = name
        while name not in ("id", "image") and (free in OWN or (free != name and free in items.table.column_names)):
            free += "_"
        names[name] = free
    if all(name == free for name, free in names.items()):
        return items
    vocabulary = Vocabulary(tuple(Attribute(names[a.name], a.values) for a in items.vocabulary))
    return replace(items, table=items.table.rename_columns(list(names.values())), vocabulary=vocabulary)
