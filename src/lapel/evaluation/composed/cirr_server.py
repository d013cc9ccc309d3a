"""CIRR's hidden test split: the two files that its server takes, checked before they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lapel.errors import ProtocolError
from lapel.schema import ComposedSet, Floats

TOP, SUBSET = 50, 3
LARGEST = 5 * 1024 * 1024
FILES = {"recall": "recall.json", "recall_subset": "recall_subset.json"}


def write_submission(
    data: ComposedSet, queries: Floats, gallery: Floats, names: Sequence[str], folder: str | Path
) -> list[Path]:
    """Write `recall.json` (50 names a pair) and `recall_subset.json` (3 of the pair's own set).

    Args:
        data: CIRR's test1 (or any split of it). queries: (len(data.queries), C). gallery: (len(names), C).

    Returns:
        The two files.

    Raises:
        ProtocolError: not CIRR, too small a gallery, or a file that the server would refuse; nothing is written then.
    """
    if data.name != "cirr":
        raise ProtocolError(f"Only CIRR has a submission server; this set is {data.name}.")
    place = {name: row for row, name in enumerate(names)}
    listed = data.galleries[""]
    vectors = gallery[[place[name] for name in listed]]
    whole: dict[str, object] = {"version": "rc2", "metric": "recall"}
    small: dict[str, object] = {"version": "rc2", "metric": "recall_subset"}
    for query, vector in zip(data.queries, queries, strict=True):
        order = np.argsort(-(vectors @ vector).astype(np.float64), kind="stable")
        ranked = [listed[at] for at in order if listed[at] != query.reference]
        members = set(query.members)
        whole[query.id] = ranked[:TOP]
        small[query.id] = [name for name in ranked if name in members][:SUBSET]
    texts = {FILES["recall"]: _checked(whole, TOP), FILES["recall_subset"]: _checked(small, SUBSET)}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _checked(content: dict[str, object], wanted: int) -> str:
    """The file's text.

    Raises:
        ProtocolError: a pair id that is no number, a list of another length or with repeats, or over 5 MB.
    """
    for key, names in content.items():
        if key in ("version", "metric"):
            continue
        if not key.isdigit():
            raise ProtocolError(f"'{key}' is no pair id of CIRR's; the server takes numbers.")
        assert isinstance(names, list)
        if len(names) != wanted or len(set(names)) != wanted:
            raise ProtocolError(
                f"Pair {key} has {len(set(names))} different names; {content['metric']} wants {wanted}. "
                "Are all pictures of the split there?"
            )
    text = json.dumps(content)
    if len(text.encode()) > LARGEST:
        raise ProtocolError(f"The file would have {len(text):,} bytes; the server takes 5 MB.")
    return text
