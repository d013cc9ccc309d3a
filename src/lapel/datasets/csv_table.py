"""CSV, semicolon- or tab-separated text -> a table of text columns and empty cells as null."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from lapel.datasets.cells import IMAGE_NAMES, RESERVED, as_number
from lapel.errors import TableError

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def load(file: Path, as_text: Sequence[str] = ()) -> pa.Table:
    """Columns as text, or as numbers where every cell is one and the column is not named in `as_text`; empty is null.

    A column is a number only as a whole, so a late exception cannot surprise; reserved columns stay text.

    Raises:
        TableError: the file is empty, is not UTF-8 or UTF-16 text, or a row has too many or too few cells.
    """
    try:
        with open(file, "rb") as stream:
            head = stream.read(1 << 20)
    except OSError as error:
        raise TableError(f"{file}: cannot be opened: {error.strerror}.") from error
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    names, separator = _header(file, head, encoding)
    try:
        table = pacsv.read_csv(
            file,
            read_options=pacsv.ReadOptions(encoding="utf8" if encoding == "utf-8" else encoding, block_size=8 << 20),
            parse_options=pacsv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _explain(file, error, separator) from error
    if not len(table):
        raise TableError(f"{file}: the table is empty: it has a header but no row. Add a row for each photo.")
    text = {*as_text, *(name for name in names if name.strip().lower() in (*IMAGE_NAMES, *RESERVED))}
    columns = {name: table[name] if name in text else as_number(table[name]) for name in table.column_names}
    return pa.table(columns)


def _header(file: Path, head: bytes, encoding: str) -> tuple[list[str], str]:
    """Column names and the separator that the first line uses most."""
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").lstrip("\ufeff")
    if not text.strip():
        raise TableError(f"{file}: the file is empty. Write a header line (image,split,...) and a row for each photo.")
    if "\0" in text[:4096]:
        raise TableError(f"{file}: this is not a text table. Export it as CSV (UTF-8).")
    line = text.splitlines()[0]
    bare = re.sub(r'"[^"]*"', "", line)
    separator = max((",", ";", "\t"), key=bare.count)
    names = next(csv.reader(io.StringIO(text), delimiter=separator))
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableError(f"{file}: the column '{twice[0]}' comes twice in the header. Rename or remove one.")
    return names, separator


def _explain(file: Path, error: Exception, separator: str) -> TableError:
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text or "UTF-8" in text or "utf" in text.lower():
        return TableError(f"{file}: {_bad_byte(file)}Save the table as UTF-8 (in Excel: 'CSV UTF-8').")
    if match := re.search(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", text, re.DOTALL):
        row = f", in the row '{match.group(3).strip()[:80]}'" if match.group(3) else ""
        kind = {",": "commas", ";": "semicolons", "\t": "tabs"}[separator]
        return TableError(
            f"{file}: the header has {match.group(1)} cells, a row has {match.group(2)}{row}. "
            f'Put cells that contain {kind} in "double quotes".'
        )
    return TableError(f"{file}: this is not a CSV table that can be read: {text}")


def _bad_byte(file: Path) -> str:
    """Which line holds the first byte that is not UTF-8."""
    with open(file, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"line {number} is not UTF-8 text (byte 0x{line[error.start]:02X}). "
    return "the text cannot be decoded. "
