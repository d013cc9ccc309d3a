"""Shoes with relative captions (Guo et al., NeurIPS 2018; pictures of Berg et al., ECCV 2010).

Captions: github.com/XiaoxiaoGuo/fashion-retrieval (MIT); the pictures' own page is gone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lapel.datasets.composed.gathering import gather, pictures_below, read_json, records
from lapel.datasets.files import Missing
from lapel.errors import TableError, UnknownName
from lapel.schema import ComposedQuery, ComposedSet

SPLITS = {"train": "train_im_names.txt", "val": "eval_im_names.txt"}
RECORDS = {"train": 8990, "val": 1761}
PICTURES = {"train": 10000, "val": 4658}
CAPTIONS, SINGLE = "relative_captions_shoes.json", "captions_shoes.json"


def _at(root: Path) -> Path:
    return root / "dataset" if (root / "dataset" / CAPTIONS).is_file() else root


def found(root: Path) -> bool:
    """Whether a folder holds the official captions, or the lists that ARTEMIS made of them."""
    return (_at(root) / CAPTIONS).is_file() or (root / "triplet.val.json").is_file()


def read(root: str | Path, split: str = "val", *, keep_same: bool = True, missing: Missing = "strict") -> ComposedSet:
    """One split; its gallery is every picture of the split.

    Args:
        root: holds the official JSON and name lists (or ARTEMIS' `split.*.json` and `triplet.*.json`), and the pictures
            anywhere below, in folders or not: they are found by their base names, which are unique.
        keep_same: keep the 27 records whose reference is its own target; with the reference removed from the ranking
            they cannot be answered.
        missing: see `gather`.

    Raises:
        UnknownName: no such split.
        TableError: a file is missing or damaged, a record mixes splits, or pictures are missing ("strict").
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS, "Shoes")
    top = Path(root)
    names, triples = _artemis(top, split) if (top / f"triplet.{split}.json").is_file() else _official(_at(top), split)
    known = set(names)
    queries, same = [], 0
    for number, (reference, target, caption) in enumerate(triples):
        if reference not in known or target not in known:
            raise TableError(f"Shoes {split}: record {number} names '{reference}' or '{target}', not of this split.")
        if reference == target:
            same += 1
            if not keep_same:
                continue
        queries.append(ComposedQuery(reference, (caption,), (target,), id=str(number)))
    fate = "kept" if keep_same else "left out"
    notes = [f"{same} records have one picture as reference and target; they are {fate}."] if same else []
    files = pictures_below([top])
    return gather("shoes", split, {n: files.get(n) for n in names}, {"": names}, queries, missing, notes=notes)


Triple = tuple[str, str, str]


def _official(at: Path, split: str) -> tuple[list[str], list[Triple]]:
    path = at / SPLITS[split]
    try:
        names = [_stem(line) for line in path.read_text(encoding="utf-8").split()]
    except OSError as error:
        raise TableError(f"'{path}' cannot be read: {error}. The official release has it.") from error
    known = set(names)
    made = []
    for record in records(at / CAPTIONS, ("ImageName", "ReferenceImageName", "RelativeCaption")):
        target, reference = _stem(record["ImageName"]), _stem(record["ReferenceImageName"])
        if (reference in known) != (target in known):
            raise TableError(
                f"'{at / CAPTIONS}': '{reference}' and '{target}' are not in one split: the name lists cut them apart."
            )
        if target in known:
            made.append((reference, target, str(record["RelativeCaption"])))
    return names, made


def _artemis(root: Path, split: str) -> tuple[list[str], list[Triple]]:
    names = [_stem(path) for path in read_json(root / f"split.{split}.json", list)]
    rows: Sequence[dict[str, str]] = records(  # type: ignore[assignment]
        root / f"triplet.{split}.json", ("ImageName", "ReferenceImageName", "RelativeCaption")
    )
    return names, [(_stem(r["ReferenceImageName"]), _stem(r["ImageName"]), r["RelativeCaption"]) for r in rows]


def _stem(name: object) -> str:
    return os.path.splitext(os.path.basename(str(name)))[0]
