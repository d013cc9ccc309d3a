"""FashionAI (Alibaba Tianchi 2018) as the competition gave it: `label.csv` with a letter for each value.

Source: https://tianchi.aliyun.com/competition/entrance/231671 (sign-up), research use only. A line is
`Images/<attribute>_labels/<md5>.jpg,<attribute>_labels,nynnmn`: `y` is the value, `m` a "maybe", `n` is not. The place
of `y` is the value that the ASEN splits give. Counts: 79,573 labelled photos in `base`, 10,110 warm-up skirts in `web`.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pyarrow as pa

from lapel.datasets.files import Missing, before_images, check_images
from lapel.datasets.releases.fashionai import VALUES
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable, Release, Vocabulary

PUBLISHED = Published(
    photos={"train": 89_683},
    values=(6, 9, 8, 6, 5, 5, 10, 5),
    labels={"train": (9_223 + 10_110, 13_299, 11_320, 7_460, 8_393, 7_034, 17_148, 5_696)},
)

FILES = {
    "base/Annotations/label.csv": "train",
    "web/Annotations/skirt_length_labels.csv": "train",
    "rank/Tests/question.csv": "test",
    "Annotations/label.csv": "train",
    "label.csv": "train",
}
"""Where label files lie, and the split they are. The competition's own split has no validation part."""

_LINE = re.compile(r"\S*Images/[a-z_]+_labels/[^,]+,[a-z_]+_labels,[nmy?]+")


def found(root: Path) -> bool:
    """Whether this is such a folder, or one such file."""
    if root.is_file():
        with root.open(encoding="utf-8", errors="replace") as stream:
            return _LINE.match(stream.readline()) is not None
    return any((root / name).is_file() and found(root / name) for name in FILES)


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read every label file that is there; `y` is the label, "maybe" values stand in the metadata column `maybe`.

    Args:
        root: the folder that holds `base`, `rank` and `web`, one of these, or one label file.
        images: the folder that holds `Images`, if it is not beside `Annotations` (for one label file alone).
        missing: as `lapel.datasets.read`.

    Raises:
        TableError: a line of another shape, not exactly one `y`, or photos are missing.
    """
    root = Path(root)
    files = {root: "train"} if root.is_file() else {root / n: s for n, s in FILES.items() if (root / n).is_file()}
    folder = root.parent if root.is_file() else root
    rows = [row for file, split in files.items() for row in _read(file, split, folder, images)]
    columns: dict[str, list[str | None]] = {
        name: [row.get(name) for row in rows] for name in ("id", "image", "split", *VALUES, "maybe", "leaderboard")
    }
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    release = Release("fashionai-original", PUBLISHED.photos if not root.is_file() else {"train": len(rows)})
    whole = root.is_file() or sum(row["split"] == "train" for row in rows) == PUBLISHED.photos["train"]
    return check_images(
        ItemTable(table, Vocabulary.of(VALUES), folder, "fashionai-original", whole, release=release), missing
    )


def _read(file: Path, split: str, root: Path, images: str | Path | None) -> list[dict[str, str]]:
    beside = file.parent.parent if file.parent.name in ("Annotations", "Tests") else file.parent
    base = Path(images).resolve() if images else beside
    before = before_images(base, root)
    rows = []
    with file.open(newline="", encoding="utf-8-sig") as stream:
        for number, cells in enumerate(csv.reader(stream), 1):
            if cells:
                rows.append(_row(file, number, cells) | {"split": split})
    for row in rows:
        row["id"] = row["image"] = f"{before}{row['image']}"
    return rows


def _row(file: Path, number: int, cells: list[str]) -> dict[str, str]:
    where = f"{file}, line {number}"
    if len(cells) not in (3, 4):
        raise TableError(f"{where}: expected path, attribute and letters, found {len(cells)} cells.")
    image, folder, letters = (cell.strip() for cell in cells[:3])
    attribute = folder.removesuffix("_labels")
    if attribute not in VALUES:
        raise TableError(f"{where}: unknown attribute '{folder}'; expected one of {', '.join(VALUES)}, with _labels.")
    row = {"image": image} | ({"leaderboard": cells[3].strip()} if len(cells) == 4 else {})
    if letters == "?":
        return row
    values = VALUES[attribute]
    if len(letters) != len(values) or set(letters) - set("nmy") or letters.count("y") != 1:
        raise TableError(
            f"{where}: '{letters}' must be {len(values)} letters for {attribute}: one y, else n or m; or ? alone."
        )
    row[attribute] = values[letters.index("y")]
    if maybe := "|".join(value for value, letter in zip(values, letters, strict=True) if letter == "m"):
        row["maybe"] = maybe
    return row
