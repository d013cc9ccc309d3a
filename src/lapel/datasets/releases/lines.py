"""The text files of releases: image lists, whose line number is the image's id, and lines of integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.errors import TableError

Numbers = NDArray[np.int64]


def image_list(file: Path) -> list[str]:
    """The paths of an image list, in order; the last line may lack its end.

    Raises:
        TableError: not there, not UTF-8, or an empty line, after which every id would be another image's.
    """
    lines = [line.strip() for line in _text(file).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise TableError(
            f"{file}, line {lines.index('') + 1}: an empty line. The line number is the image's id, so a line cannot "
            "be missing: restore the path, even of an image that you do not have."
        )
    if not lines:
        raise TableError(f"{file}: the image list is empty. Expected one path a line.")
    return lines


def number_lines(file: Path) -> tuple[list[list[int]], list[int]]:
    """Lines of integers parted by blanks or tabs, without empty lines; and each one's line number from 1.

    Raises:
        TableError: not there, or a word that is no integer; names the line.
    """
    rows, places = [], []
    for number, line in enumerate(_text(file).split("\n"), 1):
        words = line.split()
        if not words:
            continue
        try:
            rows.append([int(word) for word in words])
        except ValueError:
            raise TableError(f"{file}, line {number}: expected whole numbers, found '{line.strip()[:60]}'.") from None
        places.append(number)
    return rows, places


def triples(file: Path) -> Numbers:
    """(T, 3) from lines of exactly three integers.

    Raises:
        TableError: as `number_lines`, or a line with another number of them.
    """
    text = _text(file)
    words = text.split()
    try:
        flat = np.array(words, dtype=np.int64)
    except ValueError:
        flat = np.empty(1, np.int64)  # the slow way finds the line
    if len(flat) % 3 == 0 and len(flat) == len(words):
        table = flat.reshape(-1, 3)
        if text.rstrip("\n").count("\n") + 1 == len(table):
            return table
    rows, places = number_lines(file)
    for row, place in zip(rows, places, strict=True):
        if len(row) != 3:
            raise TableError(f"{file}, line {place}: expected three image ids, found {len(row)}.")
    return np.array(rows, np.int64).reshape(-1, 3)


def outside(values: Sequence[int] | Numbers, limit: int) -> int | None:
    """Place of the first value that is not in 0 to limit - 1; None when all are."""
    wrong = np.flatnonzero((np.asarray(values) < 0) | (np.asarray(values) >= limit))
    return int(wrong[0]) if len(wrong) else None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise TableError(f"{file}: there is no such file, and the release needs it.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{file}: this is not UTF-8 text (byte {error.start}). Get the file again.") from error


def first_image(root: Path) -> str:
    """The first line of an image list in this folder; "" where there is none."""
    for split in ("test", "valid", "train"):
        file = root / f"filenames_{split}.txt"
        if file.is_file():
            with file.open(encoding="utf-8-sig", errors="replace") as stream:
                return stream.readline().strip()
    return ""
