"""FashionIQ (Wu et al., CVPR 2021): three categories, two captions a record.

Annotations: github.com/XiaoxiaoGuo/fashion-iq (CDLA); pictures are Amazon product shots and not licensed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lapel.datasets.composed.gathering import gather, pictures_below, read_json, records
from lapel.datasets.files import Missing
from lapel.errors import TableError, UnknownName
from lapel.schema import ComposedQuery, ComposedSet

CATEGORIES = ("dress", "shirt", "toptee")
SPLITS = ("train", "val", "test")
FOLDERS = ("images", "image_data", "resized_image", "img")
RECORDS = {"train": (5985, 5988, 6027), "val": (2017, 2038, 1961), "test": (2024, 2038, 2056)}
PICTURES = {"train": (11452, 19036, 16121), "val": (3817, 6346, 5373), "test": (3818, 6346, 5374)}
"""Published counts, in the order of `CATEGORIES`: records of `captions`, names of `image_splits`."""


def found(root: Path) -> bool:
    """Whether a folder holds FashionIQ's caption files."""
    return any((root / "captions").glob("cap.*.*.json"))


def read(
    root: str | Path,
    split: str = "val",
    *,
    categories: Sequence[str] = CATEGORIES,
    gallery: str = "split",
    missing: Missing = "strict",
) -> ComposedSet:
    """One split of all three categories.

    Args:
        root: holds `captions`, `image_splits` and the pictures (`images/ASIN.png`, `image_data/CATEGORY/ASIN.jpg`).
        split: train, val or test; the official test captions have no target.
        gallery: "split" ranks the split file (the original protocol); "named" ranks the distinct targets and
            candidates of the records in order of appearance, target first (the VAL protocol).
        missing: see `gather`.

    Raises:
        UnknownName: no such category or split.
        TableError: a file is missing or damaged, or pictures are missing ("strict").
    """
    root = Path(root)
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS, "FashionIQ")
    for category in categories:
        if category not in CATEGORIES:
            raise UnknownName("category", category, CATEGORIES, "FashionIQ")
    queries: list[ComposedQuery] = []
    galleries: dict[str, list[str]] = {}
    empty = 0
    for category in categories:
        asked = _queries(root / "captions" / f"cap.{category}.{split}.json", category, split)
        usable = [query for query in asked if query.captions]
        empty += len(asked) - len(usable)
        queries += usable
        if gallery == "named":
            galleries[category] = list(dict.fromkeys(n for q in asked for n in (*q.targets, q.reference)))
        else:
            galleries[category] = _names(root / "image_splits" / f"split.{category}.{split}.json")
    files = pictures_below(root / folder for folder in FOLDERS)
    wanted = dict.fromkeys(
        [n for names in galleries.values() for n in names] + [n for q in queries for n in (q.reference, *q.targets)]
    )
    notes = [f"{empty} records have no words in either caption and are left out."] if empty else []
    return gather(
        "fashioniq", split, {name: files.get(name) for name in wanted}, galleries, queries, missing, notes=notes
    )


def _queries(path: Path, category: str, split: str) -> list[ComposedQuery]:
    needed = ("candidate", "captions") if split == "test" else ("candidate", "captions", "target")
    made = []
    for number, record in enumerate(records(path, needed)):
        captions = record["captions"]
        if not isinstance(captions, list) or len(captions) != 2:
            raise TableError(f"'{path}', record {number}: FashionIQ has two captions a record, this has {captions!r}.")
        target = (str(record["target"]),) if "target" in record else ()
        # One empty caption of the two happens; the other one is the query then.
        words = tuple(str(caption) for caption in captions if str(caption).strip())
        made.append(ComposedQuery(str(record["candidate"]), words, target, category, id=f"{category}-{number}"))
    return made


def _names(path: Path) -> list[str]:
    names = [str(name) for name in read_json(path, list)]
    if len(set(names)) != len(names):
        raise TableError(f"'{path}' names a picture twice.")
    return names
