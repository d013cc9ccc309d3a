"""Which release lies in a folder: by the name that a person gives, or by its layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lapel.datasets.files import Missing
from lapel.datasets.releases import (
    darn,
    deepfashion,
    deepfashion_fine,
    fashion14k,
    fashionai,
    fashionai_original,
    kfashion,
    kfashion_raw,
    zappos50k,
)
from lapel.datasets.releases.lines import first_image
from lapel.datasets.releases.published import Published
from lapel.errors import TableError, UnknownName
from lapel.schema import ItemTable


@dataclass(frozen=True)
class Reader:
    """One release. title: what people call it. found: is it here? read: (root, images=, missing=) -> table."""

    title: str
    found: Callable[[Path], bool]
    read: Callable[..., ItemTable]
    published: Published


RELEASES: dict[str, Reader] = {
    "fashionai": Reader("FashionAI", fashionai.found, fashionai.read, fashionai.PUBLISHED),
    "fashionai-original": Reader(
        "FashionAI, original", fashionai_original.found, fashionai_original.read, fashionai_original.PUBLISHED
    ),
    "darn": Reader("DARN", darn.found, darn.read, darn.PUBLISHED),
    "deepfashion": Reader("DeepFashion", deepfashion.found, deepfashion.read, deepfashion.PUBLISHED),
    "deepfashion-fine": Reader(
        "DeepFashion, 26 attributes", deepfashion_fine.found, deepfashion_fine.read, deepfashion_fine.PUBLISHED
    ),
    "zappos50k": Reader("UT-Zap50K", zappos50k.found, zappos50k.read, zappos50k.PUBLISHED),
    "kfashion": Reader("Kfashion", kfashion.found, kfashion.read, kfashion.PUBLISHED),
    "kfashion-raw": Reader("K-Fashion, AI Hub", kfashion_raw.found, kfashion_raw.read, kfashion_raw.PUBLISHED),
    "fashion14k": Reader("Fashion14k", fashion14k.found, fashion14k.read, fashion14k.PUBLISHED),
}
"""Name -> reader. A layout is asked for in this order."""


def read_release(name: str, root: Path, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read a release by name.

    Raises:
        UnknownName: no such release. TableError: as its reader.
    """
    if name not in RELEASES:
        raise UnknownName("release", name, RELEASES, "Lapel")
    if not root.exists():
        raise TableError(f"{root}: there is no such file or folder. Give the folder of {RELEASES[name].title}.")
    reader = RELEASES[name]
    inside = root / reader.title.split(",")[0]
    at_hand = root if root.is_file() or reader.found(root) or not inside.is_dir() else inside
    return reader.read(at_hand, images=images, missing=missing)


def detect(root: Path) -> tuple[str, Path] | None:
    """(name, folder) of the release at `root`, or in a folder inside that is called like one; None where there is none.

    Raises:
        TableError: several releases lie inside, or an image list is of no release that Lapel knows.
    """
    if (here := _found(root)) is not None:
        return here, root
    if not root.is_dir():
        return None
    if first := first_image(root):
        raise TableError(
            f"{root}: filenames_*.txt is here, but '{first}' is like no release that Lapel knows. Name it: "
            f"--release with one of {', '.join(RELEASES)}."
        )
    inside = [root / entry.title for entry in RELEASES.values() if (root / entry.title).is_dir()]
    several = [(name, folder) for folder in dict.fromkeys(inside) if (name := _found(folder)) is not None]
    if len(several) > 1:
        raise TableError(
            f"{root}: several releases lie here: {', '.join(folder.name for _, folder in several)}. Give one's folder."
        )
    return several[0] if several else None


def _found(root: Path) -> str | None:
    return next((name for name, entry in RELEASES.items() if entry.found(root)), None)
