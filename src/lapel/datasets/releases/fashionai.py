"""FashionAI (Alibaba Tianchi 2018, attribute recognition): the splits that ASEN, ASEN++ and RPF use, or the original.

Source: https://tianchi.aliyun.com/competition/entrance/231671 (sign-up); the splits come with ASEN's `data.zip`.
Research use only. Counts from the published lists: train 144,335, valid 18,000, test 18,000 photos; valid and test have
3,600 queries and 14,400 candidates each, disjoint. Every photo has one attribute, the one its folder names.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lapel.datasets.files import Missing
from lapel.datasets.releases.asen_layout import Layout, Listed, read_lists, refuse_strangers
from lapel.datasets.releases.facts import Facts
from lapel.datasets.releases.lines import first_image
from lapel.datasets.releases.published import Published
from lapel.schema import ItemTable

VALUES = {
    "skirt_length": ("Invisible", "Short", "Knee", "Midi", "Ankle", "Floor"),
    "sleeve_length": ("Invisible", "Sleeveless", "Cup", "Short", "Elbow", "3/4", "Wrist", "Long", "Extra Long"),
    "coat_length": ("Invisible", "High Waist", "Regular", "Long", "Micro", "Knee", "Midi", "Ankle & Floor"),
    "pant_length": ("Invisible", "Short Pant", "Mid", "3/4", "Cropped", "Full"),
    "collar_design": ("Invisible", "Shirt Collar", "Peter Pan", "Puritan", "Rib"),
    "lapel_design": ("Invisible", "Notched", "Collarless", "Shawl", "Plus Size Shawl"),
    "neckline_design": (
        "Invisible", "Strapless", "Deep V", "Straight", "V", "Square", "Off Shoulder", "Round", "Sweetheart",
        "One Shoulder",
    ),
    "neck_design": ("Invisible", "Turtle", "Ruffle", "Low Turtle", "Draped"),
}  # fmt: skip
"""Attributes and values in index order; "Invisible" is a value like any other, in training and in retrieval."""

PUBLISHED = Published(
    photos={"train": 144_335, "valid": 18_000, "test": 18_000},
    values=(6, 9, 8, 6, 5, 5, 10, 5),
    labels={"train": (17_428, 24_546, 20_563, 17_199, 13_961, 12_782, 26_770, 11_086)},
    queries={"test": (422, 623, 535, 422, 341, 289, 703, 265)},
    gallery={"test": (1_703, 2_383, 2_088, 1_722, 1_401, 1_269, 2_734, 1_100)},
)

_FOLDER = re.compile(r"([a-z_]+)_labels/[^/]+$")


def found(root: Path) -> bool:
    """Whether the folder's image lists are FashionAI's."""
    return first_image(root).startswith("fashionAI_attributes") or "_labels/" in first_image(root)


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read the ASEN splits: `filenames_*.txt`, `label_train.txt`, `query_*.txt`, `candidate_*.txt`.

    Args:
        root: the folder with the lists, usually `data/FashionAI`.
        images: where `fashionAI_attributes_train1` and `..train2` lie, if not there.
        missing: as `lapel.datasets.read`.

    Raises:
        TableError: the lists cannot be used, or photos are missing; says which and how many.
    """
    return read_lists(Path(root), LAYOUT, Path(images) if images else None, missing)


def _look(listed: Listed, facts: Facts) -> None:
    """A photo's folder names its attribute: a label under another one means lists of different splits."""
    names = list(facts.attributes)
    folders = [_FOLDER.search(image) for image in listed.images]
    told = np.array([names.index(f.group(1)) if f and f.group(1) in names else -1 for f in folders])
    wrong = [(told[part.image] >= 0) & (told[part.image] != part.attribute) for part in listed.parts]
    refuse_strangers(listed, listed.parts, wrong, "lies in the folder of another attribute than its label's")


LAYOUT = Layout(
    "fashionai", "FashionAI", {name: len(values) for name, values in VALUES.items()}, PUBLISHED, VALUES, look=_look
)
