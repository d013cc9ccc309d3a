"""K-Fashion (AI Hub): the three style classes of fashionStyleClassification, in the layout of the ASEN splits.

Source: https://github.com/pajamacoders/fashionStyleClassification (lists); the photos are AI Hub's (page 7988; Korean
residents, no redistribution). Counts from the lists: train 159,732, valid 93,217 photos; 74,573 queries and 18,644
candidates, every valid photo once; no test split. Classes 0, 1, 2 are called formal, semi-formal and casual, as
published; by the folders they come from, 1 and 2 look swapped. A photo's folder (a style of 23) is not its class.
To call the classes otherwise, rename them in a recipe (`data.sets.0.values`) or pass `names`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lapel.datasets.files import Missing
from lapel.datasets.releases.asen_layout import Layout, read_lists
from lapel.datasets.releases.lines import first_image
from lapel.datasets.releases.published import Published
from lapel.schema import ItemTable

CLASSES = ("formal", "semi-formal", "casual")

PUBLISHED = Published(
    photos={"train": 159_732, "valid": 93_217},
    values=(3,),
    labels={"train": (159_732,), "valid": (93_217,)},
    queries={"valid": (74_573,)},
    gallery={"valid": (18_644,)},
)

_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7a3]")


def found(root: Path) -> bool:
    """Whether the image lists name folders in Hangul."""
    return _HANGUL.search(first_image(root).split("/")[0]) is not None


def read(
    root: str | Path,
    *,
    images: str | Path | None = None,
    missing: Missing = "strict",
    names: Sequence[str] = CLASSES,
) -> ItemTable:
    """Read the lists.

    Args:
        root: the folder with the lists, usually `data/Kfashion`.
        images: the folder of `train/images` and `valid/images`, of AI Hub's `Training` and `Validation`, or of all
            style folders together, if not root.
        missing: as `lapel.datasets.read`.
        names: what classes 0, 1, 2 are called.

    Raises:
        TableError: the lists cannot be used, or photos are missing; says which and how many.
    """
    layout = replace(LAYOUT, values={"style": tuple(names)})
    return read_lists(Path(root), layout, Path(images) if images else None, missing)


def bases(root: Path, split: str) -> list[Path]:
    """Where a split's style folders may lie: as the published code has them, as AI Hub has them, or all together."""
    part = {"train": "Training", "valid": "Validation"}.get(split, "Test")
    places = (f"{split}/images", f"kfashion_images/{split}/images", f"{part}/원천데이터", "images", "")
    return [root / place for place in places]


def spell(base: Path, names: list[str]) -> list[str]:
    """The paths as this disk spells their folders: macOS parts Hangul into letters, old zips hold CP949 bytes."""
    if not base.is_dir():
        return names
    there = {entry.name for entry in base.iterdir() if entry.is_dir()}
    known = {_plain(name): name for name in there}
    known |= {meant: name for name in there if (meant := _from_cp949(name))}
    spelt = {}
    for folder in {name.split("/")[0] for name in names}:
        spelt[folder] = folder if folder in there else known.get(_plain(folder), folder)
    return [f"{spelt[folder]}/{rest}" for folder, _, rest in (name.partition("/") for name in names)]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _from_cp949(name: str) -> str:
    """What a name was before a program took its CP949 bytes for a western code page; "" when it was none."""
    for taken_for in ("cp437", "latin-1"):
        try:
            meant = name.encode(taken_for).decode("cp949")
        except UnicodeError:
            continue
        if _HANGUL.search(meant):
            return _plain(meant)
    return ""


LAYOUT = Layout(
    "kfashion",
    "Kfashion",
    {"style": 3},
    PUBLISHED,
    {"style": CLASSES},
    labelled=("train", "valid"),
    bases=bases,
    spell=spell,
)
