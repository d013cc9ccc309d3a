"""CIRR (Liu et al., ICCV 2021), rc2: natural pictures in sets of six, one caption, one target.

Annotations: github.com/Cuberick-Orion/CIRR (MIT); pictures are NLVR2's and not licensed.
"""

from __future__ import annotations

from pathlib import Path

from lapel.datasets.composed.gathering import gather, pictures_below, read_json, records
from lapel.datasets.files import Missing
from lapel.errors import TableError, UnknownName
from lapel.schema import ComposedQuery, ComposedSet

SPLITS = ("train", "val", "test1")
RECORDS = {"train": 28225, "val": 4181, "test1": 4148}
PICTURES = {"train": 16939, "val": 2297, "test1": 2315}
MEMBERS = 6


def base(root: Path) -> Path:
    """The folder with `captions`: the root itself or `cirr` below it."""
    return next((at for at in (root, root / "cirr") if (at / "captions").is_dir()), root)


def found(root: Path) -> bool:
    """Whether a folder holds CIRR's caption files."""
    return any((base(root) / "captions").glob("cap.rc2.*.json"))


def read(root: str | Path, split: str = "val", *, missing: Missing = "strict") -> ComposedSet:
    """One split; its gallery is every picture of the split file.

    Args:
        root: holds `captions`, `image_splits` (or `images_splits`) and the pictures, at the root, below `img_raw`, or
            beside a `cirr` folder that has the annotations.
        missing: see `gather`.

    Raises:
        UnknownName: no such split.
        TableError: a file is missing or damaged, a record does not fit its set, or pictures are missing ("strict").
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS, "CIRR")
    top = Path(root)
    at = base(top)
    splits = next((at / name for name in ("image_splits", "images_splits") if (at / name).is_dir()), at)
    paths = {str(k): str(v) for k, v in read_json(splits / f"split.rc2.{split}.json", dict).items()}
    queries = _queries(at / "captions" / f"cap.rc2.{split}.json", split)
    strangers = [n for q in queries for n in (q.reference, *q.targets, *q.members) if n not in paths]
    if strangers:
        raise TableError(f"CIRR {split}: a record names '{strangers[0]}', which its split file lacks. Other versions?")
    files = {name: _file(at, top, path) for name, path in paths.items()}
    if absent := [name for name, file in files.items() if file is None]:
        anywhere = pictures_below([at, top])
        files |= {name: anywhere.get(name) for name in absent}
    return gather("cirr", split, files, {"": list(paths)}, queries, missing)


def _file(at: Path, top: Path, path: str) -> Path | None:
    for folder in (at / "img_raw", at, top / "img_raw", top):
        if (folder / path).is_file():
            return folder / path
    return None


def _queries(path: Path, split: str) -> list[ComposedQuery]:
    needed = ["pairid", "reference", "caption", "img_set"] + ([] if split == "test1" else ["target_hard"])
    made = []
    for record in records(path, needed):
        reference, number = str(record["reference"]), record["pairid"]
        members = tuple(map(str, record["img_set"].get("members", ())))
        target = (str(record["target_hard"]),) if "target_hard" in record else ()
        if len(members) != MEMBERS or not {reference, *target} <= set(members):
            raise TableError(
                f"'{path}', pair {number}: its set of {len(members)} must hold 6, reference and target too."
            )
        made.append(ComposedQuery(reference, (str(record["caption"]),), target, "", members, str(number)))
    return made
