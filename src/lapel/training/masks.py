"""Where training photos show each attribute, from the masks of sets that have them, changed as the photos are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import TrainingError
from lapel.schema import Floats, ItemTable
from lapel.training.pictures import Pictures
from lapel.training.recipe import Data

CLASSES = "classes.txt"
"""In the folder of a set with masks: the class of each number in a mask, from 0."""

Rows = NDArray[np.int64]


class Masks:
    """The masks of the training photos.

    Args:
        items: the training rows; their ids begin with the set's name where there are several. data: the sets, which say
            what classes show an attribute (`regions`). names: of the sets in use, in order.
        pictures: of the same rows, whose changes the masks go through. grid: (h, w) of the attention maps.

    Raises:
        TrainingError: no photo has a mask of which a set says what it shows, or a class that the set does not have.
    """

    def __init__(
        self, items: ItemTable, data: Data, names: tuple[str, ...], pictures: Pictures, grid: tuple[int, int]
    ) -> None:
        self.pictures, self.grid = pictures, grid
        self.attributes = items.vocabulary.names
        self._paths = mask_paths(items)
        self._shown: dict[str, dict[str, list[int]]] = {}
        self._set = [item.partition("/")[0] if len(data.sets) > 1 else names[0] for item in items.ids]
        for name, part in zip(names, data.chosen, strict=True):
            first = next((path for path, own in zip(self._paths, self._set, strict=True) if path and own == name), None)
            if part.regions and first is not None:
                self._shown[name] = _numbers(part.regions, first)
        known = [path is not None and own in self._shown for path, own in zip(self._paths, self._set, strict=True)]
        self.rows: Rows = np.flatnonzero(known)
        if not len(self.rows):
            raise TrainingError(
                "loss.region is above 0, but no training photo has a mask of which the recipe says what it shows "
                "(data.sets: regions). Leave it out: --set loss.region=0."
            )

    def batch(self, rows: Rows, epoch: int, places: Rows) -> Floats:
        """(B, K, h, w) share of each cell that shows each attribute, in the photos as `Pictures.batch` gives them.

        Raises:
            TrainingError: a mask that cannot be read, by name.
        """
        cover = np.zeros((len(rows), len(self.attributes), *self.grid), np.float32)
        for at, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
            path, shown = self._paths[row], self._shown.get(self._set[row])
            if path is None or shown is None:
                continue
            drawn, made = _read(path), dict[tuple[int, ...], Floats]()
            for k, name in enumerate(self.attributes):
                if numbers := tuple(shown.get(name, ())):
                    if numbers not in made:
                        made[numbers] = self._cells(row, epoch, place, np.isin(drawn, numbers))
                    cover[at, k] = made[numbers]
        return cover

    def _cells(self, row: int, epoch: int, place: int, region: NDArray[np.bool_]) -> Floats:
        picture = Image.fromarray(np.repeat(region[:, :, None], 3, axis=2).astype(np.uint8) * 255)
        seen = Image.fromarray(self.pictures.alike(row, epoch, place, picture)[..., 0])
        height, width = self.grid
        cells = np.asarray(seen.resize((width, height), Image.Resampling.BOX), np.float32)
        return cells / np.float32(255)


def mask_paths(items: ItemTable) -> list[Path | None]:
    """The mask of each row, where it has one."""
    if "mask" not in items.table.column_names:
        return [None] * len(items)
    return [items.root / mask if mask else None for mask in items.table["mask"].to_pylist()]


def _numbers(regions: dict[str, str], mask: Path) -> dict[str, list[int]]:
    """Attribute -> the numbers of its classes; the list of classes lies in a folder above the masks."""
    found = next((folder / CLASSES for folder in mask.parents if (folder / CLASSES).is_file()), None)
    if found is None:
        raise TrainingError(f"There is no {CLASSES} beside {mask.parent}, which says what the numbers of masks mean.")
    classes = found.read_text(encoding="utf-8").split()
    for name, wanted in regions.items():
        if unknown := [word for word in wanted.split() if word not in classes]:
            raise TrainingError(f"data.sets: regions of '{name}': {found} has no class '{unknown[0]}'.")
    return {name: [classes.index(word) for word in wanted.split()] for name, wanted in regions.items()}


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as drawn:
            return np.asarray(drawn)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingError(f"The mask {path} cannot be read: {error}") from error
