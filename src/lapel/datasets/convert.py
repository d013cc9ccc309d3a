"""Write an ItemTable as one CSV or Parquet table that `read` reads back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from lapel.datasets.judged import write_triplets
from lapel.datasets.parquet_table import LAPEL_KEY
from lapel.errors import InputError
from lapel.schema import ItemTable


def write(table: ItemTable, path: str | Path) -> Path:
    """Write every row and column; image and mask paths become relative to the new table's folder.

    Parquet keeps everything: types, which columns are attributes, their values in order, name and notes. CSV keeps
    the cells; when read again without naming the attributes, they are guessed anew, and text that looks like a
    number becomes one. Judged triplets are written beside, as `<name>.triplets.parquet`, and read back with the table.

    Returns:
        The file, which replaces an older one in one step.

    Raises:
        InputError: the ending is neither .csv nor .parquet.
        OSError: the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise InputError(f"{path}: '{kind}' is not a table that Lapel writes. Give a file ending in .csv or .parquet.")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = _moved(table, path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if kind == ".csv":
            pacsv.write_csv(columns, beside)
        else:
            pq.write_table(columns.replace_schema_metadata({LAPEL_KEY: _kept(table)}), beside, compression="zstd")
        write_triplets(table, path)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _moved(table: ItemTable, folder: Path) -> pa.Table:
    columns = table.table.replace_schema_metadata(None)
    root, folder = table.root.resolve(), folder.resolve()
    if root == folder:
        return columns
    try:
        step = os.path.relpath(root, folder).replace(os.sep, "/")
    except ValueError:  # another drive
        step = str(root)
    for name in ("image", "mask"):
        if name in columns.column_names:
            old = columns[name]
            absolute = pc.match_substring_regex(old, r"^(/|[A-Za-z]:[\\/])")
            new = pc.if_else(absolute, old, pc.binary_join_element_wise(step, old, "/"))
            columns = columns.set_column(columns.column_names.index(name), name, new)
    return columns


def _kept(table: ItemTable) -> bytes:
    kept: dict[str, object] = {
        "attributes": table.vocabulary.to_dict(),
        "name": table.name,
        "complete": table.complete,
        "notes": list(table.notes),
    }
    if table.release is not None:
        kept["release"] = {"name": table.release.name, "photos": dict(table.release.photos)}
    return json.dumps(kept, ensure_ascii=False).encode()
