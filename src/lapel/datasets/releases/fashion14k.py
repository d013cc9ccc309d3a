"""Fashion14k: eleven style classes in the layout of the ASEN splits, second set of fashionStyleClassification.

Source: https://github.com/pajamacoders/fashionStyleClassification makes its lists from a folder of class folders; class
numbers there follow the order in which one machine listed them, kept in `classid.txt` (`id:name` lines). The lists
themselves are not published, so there are no counts to compare with. Valid is candidates, then queries; no test split.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lapel.datasets.files import Missing
from lapel.datasets.releases.asen_layout import Layout, noted, read_lists
from lapel.datasets.releases.lines import first_image
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable

PUBLISHED = Published(values=(11,))
NAMES = "classid.txt"


def found(root: Path) -> bool:
    """Whether the image lists name photos below `imgs`, or the folder is called Fashion14k."""
    first = first_image(root)
    return bool(first) and ("imgs/" in first or root.resolve().name.casefold() == "fashion14k")


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read the lists; classes get the names of `classid.txt`, else their numbers.

    Args:
        root: the folder with the lists, usually `data/Fashion14k`.
        images: what the listed paths are relative to; default root, the folder two above it, or the working folder.
        missing: as `lapel.datasets.read`.

    Raises:
        TableError: the lists cannot be used, or photos are missing; says which and how many.
    """
    root = Path(root)
    named = class_names(root / NAMES)
    layout = replace(LAYOUT, attributes={"style": len(named) or 11}, values={"style": named} if named else {})
    items = read_lists(root, layout, Path(images) if images else None, missing)
    return items if named else noted(items, f"{NAMES} is not there: classes are called by number.")


def class_names(file: Path) -> tuple[str, ...]:
    """Names in the order of their ids; () without the file.

    Raises:
        TableError: a line that is not `id:name`, or ids that are not 0, 1, 2, ...
    """
    if not file.is_file():
        return ()
    named = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        key, colon, name = line.partition(":")
        if not line.strip():
            continue
        if not colon or not key.strip().isdigit():
            raise TableError(f"{file}, line {number}: expected 'id:name', found '{line.strip()[:60]}'.")
        named[int(key)] = name.strip()
    if sorted(named) != list(range(len(named))):
        raise TableError(f"{file}: class ids must be 0 to {len(named) - 1}; found {sorted(named)}.")
    return tuple(named[number] for number in range(len(named)))


def _bases(root: Path, split: str) -> list[Path]:
    return [root, root.parent.parent, root.parent, Path.cwd()]


LAYOUT = Layout("fashion14k", "Fashion14k", {"style": 11}, PUBLISHED, {}, labelled=("train", "valid"), bases=_bases)
