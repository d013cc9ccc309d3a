"""DeepFashion, category and attribute prediction (Liu et al., CVPR 2016): the retrieval split of ASEN.

Source: https://mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html (signed agreement), non-commercial research. Counts from
the published lists: valid and test 27,625 photos each, 22,100 candidates and 5,525 queries, one drawn label a photo;
train is about 221,000. Relevance uses that one drawn label, though a photo holds 1 to 16: a candidate that truly shares
the attribute may count as wrong. Names of values come from `list_attr_cloth.txt` where it is there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from lapel.datasets.files import Missing
from lapel.datasets.releases.asen_layout import Layout, Listed, noted, read_lists, refuse_strangers
from lapel.datasets.releases.facts import Facts
from lapel.datasets.releases.lines import first_image, number_lines
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable

ATTRIBUTES = {"texture-related": 156, "fabric-related": 218, "shape-related": 180, "part-related": 216,
              "style-related": 230}  # fmt: skip
"""Attributes in index order; attribute a holds the names of type a + 1 of `list_attr_cloth.txt`, in its order."""

PUBLISHED = Published(
    photos={"valid": 27_625, "test": 27_625},
    values=tuple(ATTRIBUTES.values()),
    queries={"test": (1_008, 1_483, 1_097, 1_022, 915)},
    gallery={"test": (4_271, 5_914, 4_364, 4_030, 3_521)},
)

NAMES = "list_attr_cloth.txt"
_FOLDERS = ("", "Anno_coarse", "Anno")


def found(root: Path) -> bool:
    """Whether the folder's image lists are DeepFashion's: `img/<item>/img_<number>.jpg`."""
    return re.match(r"img/[^/]+/img_\d+", first_image(root)) is not None


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read the ASEN splits; values get their names when `list_attr_cloth.txt` lies in root, `Anno_coarse` or `Anno`.

    Args:
        root: the folder with the lists, usually `data/DeepFashion`.
        images: where `img` lies, if not there.
        missing: as `lapel.datasets.read`.

    Raises:
        TableError: the lists cannot be used, or photos are missing; says which and how many.
    """
    root = Path(root)
    file = next((root / folder / NAMES for folder in _FOLDERS if (root / folder / NAMES).is_file()), None)
    layout = LAYOUT if file is None else replace(LAYOUT, values=value_names(file, ATTRIBUTES))
    items = read_lists(root, layout, Path(images) if images else None, missing)
    return items if file else noted(items, f"{NAMES} is not there: values are called by number.")


def value_names(file: Path, attributes: dict[str, int]) -> dict[str, tuple[str, ...]]:
    """Attribute -> names of type a + 1 in the file's order. Names hold blanks; the type is the last word.

    Raises:
        TableError: a line without a type.
    """
    named: dict[int, list[str]] = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines()[2:], 3):
        words = line.split()
        if not words:
            continue
        if len(words) < 2 or not words[-1].isdigit():
            raise TableError(f"{file}, line {number}: expected a name and its type (1 to 5), found '{line.strip()}'.")
        named.setdefault(int(words[-1]), []).append(" ".join(words[:-1]))
    return {name: tuple(named.get(at, ())) for at, name in enumerate(attributes, 1)}


def _look(listed: Listed, facts: Facts) -> None:
    """Where all labels of each image are there as well, the drawn one must be among them."""
    file = listed.file.with_name(f"label_{listed.split}.txt")
    if listed.split == "train" or not file.is_file():
        return
    sizes = list(facts.attributes.values())
    if list(facts.attributes) != list(ATTRIBUTES) or sizes != list(ATTRIBUTES.values()):
        return
    rows, _ = number_lines(file)
    has = np.zeros((max(len(listed.images), 1), len(sizes)), bool)
    counted = np.zeros(len(has), bool)
    for row in rows:
        if 0 <= row[0] < len(has):
            counted[row[0]] = True
            has[row[0], [kind - 1 for kind in row[1::2] if 0 < kind <= len(sizes)]] = True
    wrong = [counted[part.image] & ~has[part.image, part.attribute] for part in listed.parts]
    refuse_strangers(listed, listed.parts, wrong, f"has no such label in {file.name}")


LAYOUT = Layout("deepfashion", "DeepFashion", ATTRIBUTES, PUBLISHED, {}, look=_look)
