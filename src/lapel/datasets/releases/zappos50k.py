"""UT-Zap50K (Yu & Grauman, CVPR 2014) with the triplet lists of CSN (Veit et al., CVPR 2017): 50,025 shoes.

Source: https://vision.cs.utexas.edu/projects/finegrained/utzap50k (photos, `meta-data.csv`), academic use only; the
lists come with the CSN code. Conditions: class, closure, gender, heel. A line of `CONDITION_tripletlist_SPLIT.txt` is
three ids: anchor, far, close. `filenames.json` is a text file of one path a line, or a JSON list of them. By the paper
each condition has 200,000 train, 20,000 valid and 40,000 test triplets (recalled, not counted).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from lapel.datasets.files import Missing, before_images, check_images
from lapel.datasets.releases.lines import image_list, outside, triples
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable, Release, TripletLists, Vocabulary

CONDITIONS = ("class", "closure", "gender", "heel")
SPLITS = {"train": "train", "valid": "val", "test": "test"}

PUBLISHED = Published(
    photos={"all": 50_025},
    triplets={"train": (200_000,) * 4, "valid": (20_000,) * 4, "test": (40_000,) * 4},
    unsure=("triplets",),
)

LIST, FOLDER = "filenames.json", "tripletlists"
_PHOTOS = ("ut-zap50k-images", "ut-zap50k-images-square")
_TABLES = ("meta-data.csv", "ut-zap50k-data/meta-data.csv")
_COLUMNS = {"closure": "Closure", "gender": "Gender", "heel": "HeelHeight"}
_METADATA = {"sub_category": "SubCategory", "insole": "Insole", "material": "Material", "toe_style": "ToeStyle"}


def found(root: Path) -> bool:
    """Whether the image list and the folder of triplet lists are here."""
    return (root / LIST).is_file() and (root / FOLDER).is_dir()


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read photos, labels and triplets.

    The table has no splits: a photo may be named by the lists of several. `items.split("test")` takes the photos that
    the test triplets name. `class` comes from the path; closure, gender and heel from `meta-data.csv`, where it is
    there (several values are joined by `|`); training and the protocol `triplets` need only the lists.

    Args:
        root: the folder of `filenames.json` and `tripletlists`.
        images: the folder of `Shoes`, `Boots`, ..., if it is not called `ut-zap50k-images` and in root.
        missing: as `lapel.datasets.read`; triplets of a photo that is left out take no part.

    Raises:
        TableError: a list names unknown images, cannot be read, or photos are missing; says which.
    """
    root = Path(root)
    names = _names(root / LIST)
    base = Path(images).resolve() if images else next((root / p for p in _PHOTOS if (root / p).is_dir()), root)
    before = before_images(base, root)
    ids = tuple(str(number) for number in range(len(names)))
    lists = _lists(root / FOLDER, root / LIST, len(names))
    table_file = next((root / name for name in _TABLES if (root / name).is_file()), None)
    described = _described(table_file) if table_file else {}
    columns = {"id": list(ids), "image": [f"{before}{name}" for name in names]}
    rows = [described.get(_product(name), {}) for name in names]
    labels: dict[str, list[str | None]] = {"class": [name.split("/")[0] for name in names]}
    labels |= {name: [row.get(column) for row in rows] for name, column in _COLUMNS.items()}
    metadata = {name: [row.get(column) for row in rows] for name, column in _METADATA.items()} if described else {}
    table = pa.table({n: pa.array(c, pa.string()) for n, c in (columns | labels | metadata).items()})
    values = {n: sorted({v for cell in cells if cell for v in cell.split("|")}) for n, cells in labels.items()}
    notes = [] if described else ["meta-data.csv is not there: closure, gender and heel have triplets but no labels."]
    items = ItemTable(
        table,
        Vocabulary.of(values),
        root,
        "zappos50k",
        len(names) == PUBLISHED.photos["all"],
        tuple(notes),
        Release("zappos50k"),
        TripletLists(ids, lists),
    )
    return check_images(items, missing)


def _names(file: Path) -> list[str]:
    """The image list: lines of text under a name that ends in .json, or true JSON."""
    first = file.read_text("utf-8-sig", errors="replace")[:1] if file.is_file() else ""
    if first != "[":
        return image_list(file)
    try:
        names = json.loads(file.read_text("utf-8-sig"))
    except ValueError as error:
        raise TableError(f"{file}: begins like a JSON list but is none: {error}.") from error
    if not all(isinstance(name, str) for name in names):
        raise TableError(f"{file}: expected a list of paths.")
    return list(names)


def _lists(
    folder: Path, images: Path, count: int
) -> dict[str, dict[str, np.ndarray[tuple[int, int], np.dtype[np.int32]]]]:
    """Split -> condition -> (T, 3): anchor, close, far. The file has anchor, far, close."""
    lists: dict[str, dict[str, np.ndarray[tuple[int, int], np.dtype[np.int32]]]] = {}
    for split, word in SPLITS.items():
        for condition in CONDITIONS:
            file = folder / f"{condition}_tripletlist_{word}.txt"
            if not file.is_file():
                continue
            rows = triples(file)
            if (wrong := outside(rows.ravel(), count)) is not None:
                many = int(((rows < 0) | (rows >= count)).any(axis=1).sum())
                raise TableError(
                    f"{file}, triplet {wrong // 3 + 1}: image {rows.ravel()[wrong]} is unknown: {images.name} names "
                    f"{count:,} images, ids 0 to {count - 1:,} ({many:,} such triplets). The lists and {images.name} "
                    "must come from the same download."
                )
            lists.setdefault(split, {})[condition] = rows[:, [0, 2, 1]].astype(np.int32)
    if not lists:
        raise TableError(f"{folder}: there is no triplet list; expected {CONDITIONS[0]}_tripletlist_train.txt, ...")
    return lists


def _described(file: Path) -> dict[str, dict[str, str | None]]:
    """Product and colour `123.4` -> the row of meta-data.csv, several values of a cell joined by `|`."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        lacking = {"CID", *_COLUMNS.values(), *_METADATA.values()} - set(reader.fieldnames or ())
        if lacking:
            raise TableError(f"{file}: the column {', '.join(sorted(lacking))} is missing.")
        return {row["CID"].replace("-", ".", 1): {k: _cell(v) for k, v in row.items()} for row in reader}


def _cell(text: str | None) -> str | None:
    return "|".join(dict.fromkeys(part.strip() for part in (text or "").split(";") if part.strip())) or None


def _product(path: str) -> str:
    """`Shoes/Oxfords/Bostonian/100627.72.jpg` -> `100627.72`."""
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
