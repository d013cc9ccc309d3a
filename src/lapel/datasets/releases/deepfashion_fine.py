"""DeepFashion's fine-grained attributes (Anno_fine, 26 attributes in six groups): one value a group for every photo.

Source: https://mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html (signed agreement), non-commercial research. The small
release has `split/train.txt`, `val.txt`, `test.txt`, 5,000, 1,000 and 1,000 photos, and `train_attr.txt` and
`val_attr.txt` with six numbers a line; the test photos have no labels. `no_dress` and `no_neckline` are values like any
other.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from lapel.datasets.files import Missing, before_images, check_images
from lapel.datasets.releases.lines import image_list, outside
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable, Release, Vocabulary

VALUES = {
    "texture": ("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
    "sleeve": ("long_sleeve", "short_sleeve", "sleeveless"),
    "length": ("maxi_length", "mini_length", "no_dress"),
    "neckline": ("crew_neckline", "v_neckline", "square_neckline", "no_neckline"),
    "fabric": ("denim", "chiffon", "cotton", "leather", "faux", "knit"),
    "fit": ("tight", "loose", "conventional"),
}

PUBLISHED = Published(
    photos={"train": 5_000, "valid": 1_000, "test": 1_000},
    values=(7, 3, 3, 4, 6, 3),
    labels={"train": (5_000,) * 6, "valid": (1_000,) * 6},
)

FILES = {"train": "train", "valid": "val", "test": "test"}
_FOLDERS = ("split", "Anno_fine", "")


def found(root: Path) -> bool:
    """Whether `train_attr.txt` lies beside `train.txt` here."""
    return _lists(root) is not None


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read the lists; a header (a count, column names) before them is passed over.

    Args:
        root: the folder that holds `split` (or `Anno_fine`) and `img`.
        images: where `img` lies, if not there.
        missing: as `lapel.datasets.read`.

    Raises:
        TableError: a list and its labels differ in length, a number is out of range, or photos are missing.
    """
    root = Path(root)
    folder = _lists(root)
    if folder is None:
        raise TableError(f"{root}: there is no train.txt with train_attr.txt here, in split or in Anno_fine.")
    base = Path(images).resolve() if images else root if (root / "img").is_dir() or folder != root else root.parent
    before = before_images(base, root)
    names = ("id", "image", "split", *VALUES)
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    for split, stem in FILES.items():
        if not (folder / f"{stem}.txt").is_file():
            continue
        paths = _paths(folder / f"{stem}.txt")
        labels = _labels(folder / f"{stem}_attr.txt", folder / f"{stem}.txt", len(paths))
        columns["id"] += [f"{split}/{number}" for number in range(len(paths))]
        columns["image"] += [f"{before}{path}" for path in paths]
        columns["split"] += [split] * len(paths)
        for at, (name, values) in enumerate(VALUES.items()):
            columns[name] += [values[row[at]] for row in labels] if labels else [None] * len(paths)
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    complete = len(table) == sum(PUBLISHED.photos.values())
    release = Release("deepfashion-fine", PUBLISHED.photos)
    return check_images(
        ItemTable(table, Vocabulary.of(VALUES), root, "deepfashion-fine", complete, release=release), missing
    )


def _lists(root: Path) -> Path | None:
    wanted = ("train.txt", "train_attr.txt")
    return next((root / f for f in _FOLDERS if all((root / f / name).is_file() for name in wanted)), None)


def _paths(file: Path) -> list[str]:
    """The paths; header lines are those that do not look like one."""
    lines = image_list(file)
    at = next((n for n, line in enumerate(lines) if "/" in line or "." in line), len(lines))
    if at > 2 or at == len(lines):
        raise TableError(f"{file}: expected image paths, after two header lines at most; found '{lines[0][:60]}'.")
    return lines[at:]


def _labels(file: Path, listed: Path, count: int) -> list[list[int]]:
    """Six numbers a photo; [] where the release has no labels of this split."""
    if not file.is_file():
        return []
    rows = [line.split() for line in image_list(file)]
    while rows and (len(rows[0]) != len(VALUES) or not all(word.isdigit() for word in rows[0])):
        rows.pop(0)
        if len(rows) < count:
            break
    if len(rows) != count:
        raise TableError(f"{file} labels {len(rows):,} images, {listed.name} names {count:,}: one is of another split.")
    sizes = [len(values) for values in VALUES.values()]
    labels = []
    for number, words in enumerate(rows, 1):
        if len(words) != len(sizes) or not all(word.isdigit() for word in words):
            raise TableError(f"{file}, label {number}: expected {len(sizes)} numbers, found '{' '.join(words)[:60]}'.")
        row = [int(word) for word in words]
        for value, (name, values) in zip(row, VALUES.items(), strict=True):
            if outside([value], len(values)) is not None:
                raise TableError(f"{file}, label {number}: {name} is {value}; it has values 0 to {len(values) - 1}.")
        labels.append(row)
    return labels
