"""What cells mean: text of numbers, numbers of text, label sets, split names. Whole columns, no row loops."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from lapel.schema import SEPARATOR

IMAGE_NAMES = ("image", "path", "file", "filename", "image_path")
"""What the image column may be called, in any case; the first that is found wins."""

RESERVED = ("id", "split", "mask")

_SPLIT_NAMES = {"training": "train", "val": "valid", "validation": "valid", "dev": "valid", "testing": "test"}


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as trimmed text, empty cells null; whole numbers without a decimal point (2011, not 2011.0)."""
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(pc.floor(column), column)).as_py() is not False
        column = column.cast(pa.int64(), safe=False) if whole else column
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    text = pc.if_else(pc.equal(text, ""), None, text)
    if pc.all(pc.match_substring_regex(text, r"^-?\d+(\.0)?$")).as_py() and pc.any(pc.ends_with(text, ".0")).as_py():
        text = pc.replace_substring_regex(text, r"\.0$", "")  # a gap made another program write 2011 as 2011.0
    return text


def as_number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """int64 or float64 where every cell is a number, else trimmed text; 007 stays text."""
    if not pa.types.is_string(column.type):
        return column
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), None, text)
    if text.null_count == len(text) or pc.any(pc.match_substring_regex(text, r"^[+-]?0\d|^[+-]?[A-Za-z]")).as_py():
        return text
    for kind in (pa.int64(), pa.float64()):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return text


def clean_labels(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Label cells: values trimmed, empty ones and repetitions dropped (`a| b||a` -> `a|b`), nothing left -> null."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    cleaned = [_clean(cell) for cell in coded.dictionary.to_pylist()]
    # Through the few distinct cells: a million rows cost one look-up each.
    return pa.chunked_array([pc.take(pa.array(cleaned, pa.string()), coded.indices)])


def clean_split(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lower case, and the usual other words for train, valid and test."""
    lower = clean_labels(pc.utf8_lower(column))
    coded = lower.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    names = [_SPLIT_NAMES.get(name, name) for name in coded.dictionary.to_pylist()]
    return pa.chunked_array([pc.take(pa.array(names, pa.string()), coded.indices)])


def distinct_values(column: pa.ChunkedArray) -> set[str]:
    """All single values that occur in the column's cells."""
    return {value for cell in pc.unique(column).to_pylist() if cell is not None for value in cell.split(SEPARATOR)}


def counts_of(column: pa.ChunkedArray) -> dict[str, int]:
    """How many cells hold each single value."""
    found: dict[str, int] = {}
    for entry in pc.value_counts(pc.drop_null(column)).to_pylist():
        for value in entry["values"].split(SEPARATOR):
            found[value] = found.get(value, 0) + entry["counts"]
    return found


def _clean(cell: str) -> str | None:
    if SEPARATOR not in cell:
        return cell.strip() or None
    values = dict.fromkeys(value.strip() for value in cell.split(SEPARATOR))
    return SEPARATOR.join(value for value in values if value) or None
