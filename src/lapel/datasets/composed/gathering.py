"""What the readers of composed data share: JSON files, pictures found by name, and what to do when some are missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lapel.datasets.files import IMAGE_ENDINGS, Missing, first_few
from lapel.errors import TableError
from lapel.schema import ComposedQuery, ComposedSet


def read_json(path: Path, kind: type) -> Any:
    """A JSON file whose top is a list or an object.

    Raises:
        TableError: missing, damaged, or of another kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"'{path}' is missing; the release has it. Get the annotations again.") from None
    except (OSError, ValueError) as error:
        raise TableError(f"'{path}' cannot be read as JSON: {error}.") from error
    if not isinstance(content, kind):
        raise TableError(f"'{path}' holds a {type(content).__name__}, expected a {kind.__name__}.")
    return content


def records(path: Path, needed: Sequence[str]) -> list[Mapping[str, Any]]:
    """A list of objects, each with these keys.

    Raises:
        TableError: as `read_json`; or an entry lacks a key, by its number.
    """
    found: list[Mapping[str, Any]] = read_json(path, list)
    for number, record in enumerate(found):
        lacking = [key for key in needed if not isinstance(record, dict) or key not in record]
        if lacking:
            raise TableError(f"'{path}', record {number}: it has no '{lacking[0]}'. Is this the release's own file?")
    return found


def pictures_below(folders: Iterable[Path]) -> dict[str, Path]:
    """File stem -> file, of every picture below these folders; of two with one stem the first path in order."""
    found: dict[str, Path] = {}
    for folder in folders:
        for at, inside, names in os.walk(folder):
            inside.sort()
            for name in sorted(names):
                stem, ending = os.path.splitext(name)
                if ending.lower() in IMAGE_ENDINGS:
                    found.setdefault(stem, Path(at, name))
    return found


def gather(
    name: str,
    split: str,
    files: Mapping[str, Path | None],
    galleries: Mapping[str, Sequence[str]],
    queries: Sequence[ComposedQuery],
    missing: Missing,
    texts: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> ComposedSet:
    """A set from what its annotations name and what is on disk.

    files: every picture that a query or gallery names -> its file, or None where there is none.
    missing: "strict" refuses a set with missing pictures; "skip" leaves them out of galleries, and queries that need
        them; "ignore" takes the names as they are (for annotations without pictures).

    Raises:
        TableError: strict, and a picture is missing; or no query is left.
    """
    absent = tuple(sorted(picture for picture, file in files.items() if file is None))
    if absent and missing == "strict":
        raise TableError(
            f"{name} {split}: {len(absent):,} of {len(files):,} pictures are not on disk: {first_few(absent)}. "
            "Put them where the release has them, or leave them out with missing='skip' (--skip)."
        )
    gone = set() if missing == "ignore" else set(absent)
    kept = tuple(q for q in queries if q.reference not in gone and (not q.targets or set(q.targets) - gone))
    if not kept:
        raise TableError(f"{name} {split}: not one query has both of its pictures on disk.")
    notes = list(notes)
    if gone:
        notes.append(
            f"{len(gone):,} of {len(files):,} pictures are missing: {len(queries) - len(kept):,} of {len(queries):,} "
            "queries and these pictures are left out, so figures do not compare to published ones."
        )
    trimmed = tuple(
        replace(
            q,
            targets=tuple(t for t in q.targets if t not in gone),
            members=tuple(m for m in q.members if m not in gone),
        )
        for q in kept
    )
    return ComposedSet(
        name,
        split,
        {picture: file or Path(picture) for picture, file in files.items() if picture not in gone},
        {category: tuple(n for n in names if n not in gone) for category, names in galleries.items()},
        trimmed,
        dict(texts or {}),
        () if missing == "ignore" else absent,
        tuple(notes),
    )
