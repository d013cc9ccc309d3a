"""What `Catalogue.add` was given -> an item table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lapel.errors import InputError
from lapel.schema import ItemTable


def read_source(source: str | Path | ItemTable, labels: str | Path | None = None) -> ItemTable:
    """Read a source; with `labels`, that table says which photos and `source` is the folder they lie in.

    Raises:
        TableError: see `lapel.datasets.read`.
        InputError: `labels` beside something that is no folder.
    """
    if isinstance(source, ItemTable):
        if labels is not None:
            raise InputError("An item table brings its own labels; leave `labels` out.")
        return source
    from lapel.datasets import read

    if labels is None:
        return read(source, missing="ignore")  # a missing photo is listed like any unreadable one
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"'{source}' is no folder; with a label table, give the folder that its photos lie in.")
    return replace(read(labels, missing="ignore"), root=folder)
