"""DARN (Huang et al., ICCV 2015): the attribute retrieval split that ASEN made of the photos that could still be had.

Source: https://github.com/Maryeon/asenpp (lists); the photos are the user's own downloads from the authors' list of
addresses. Research use. Counts from the published lists: valid and test 21,461 photos each, 17,168 candidates and 4,293
queries, one attribute a photo; train 171,697 by subtraction from 214,619, several attributes a photo. The values have
no published names. The folder of a photo tells its "clothes category": a model that sees paths sees that label.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lapel.datasets.files import Missing
from lapel.datasets.releases.asen_layout import Layout, Listed, read_lists, refuse_strangers
from lapel.datasets.releases.facts import Facts
from lapel.datasets.releases.lines import first_image
from lapel.datasets.releases.pairs import Pairs
from lapel.datasets.releases.published import Published
from lapel.schema import ItemTable

ATTRIBUTES = {
    "clothes category": 20, "clothes button": 13, "clothes color": 55, "clothes length": 7, "clothes pattern": 28,
    "clothes shape": 11, "collar shape": 26, "sleeve length": 8, "sleeve shape": 17,
}  # fmt: skip

PUBLISHED = Published(
    photos={"train": 171_697, "valid": 21_461, "test": 21_461},
    values=tuple(ATTRIBUTES.values()),
    queries={"test": (476, 448, 491, 448, 463, 533, 509, 483, 442)},
    gallery={"test": (1_886, 1_897, 1_901, 1_884, 2_004, 2_003, 1_890, 1_836, 1_867)},
)

_CATEGORY = "clothes category"


def found(root: Path) -> bool:
    """Whether the folder's image lists are DARN's: `pic/<number>/...`."""
    return re.match(r"pic/\d+/", first_image(root)) is not None


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read the ASEN splits.

    Args:
        root: the folder with the lists, usually `data/DARN`.
        images: where `pic` lies, if not there.
        missing: as `lapel.datasets.read`; many of the addresses are dead, so "skip" is usual.

    Raises:
        TableError: the lists cannot be used, or photos are missing; says which and how many.
    """
    return read_lists(Path(root), LAYOUT, Path(images) if images else None, missing)


def _look(listed: Listed, facts: Facts) -> None:
    """A folder holds one category: two values in one folder mean lists of different splits."""
    names = list(facts.attributes)
    if _CATEGORY not in names:
        return
    folders = np.array([image.rsplit("/", 1)[0] for image in listed.images])
    _, folder = np.unique(folders, return_inverse=True)
    held = np.zeros((folder.max() + 1, facts.attributes[_CATEGORY]), np.int64)
    parts = [_of(part, names.index(_CATEGORY)) for part in listed.parts]
    for part in parts:
        np.add.at(held, (folder[part.image], part.value), 1)
    usual = held.argmax(axis=1)
    wrong = [part.value != usual[folder[part.image]] for part in parts]
    refuse_strangers(listed, parts, wrong, f"has another {_CATEGORY} than most of its folder")


def _of(part: Pairs, attribute: int) -> Pairs:
    at = part.attribute == attribute
    return part._replace(image=part.image[at], attribute=part.attribute[at], value=part.value[at], line=part.line[at])


LAYOUT = Layout("darn", "DARN", ATTRIBUTES, PUBLISHED, {}, look=_look)
