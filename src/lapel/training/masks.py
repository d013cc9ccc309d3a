"""Where training photos show each attribute, from the masks of sets that have them, changed as the photos are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import TrainingError
from lapel.schema import Floats
from lapel.training.data import TrainingData
from lapel.training.pictures import Pictures
from lapel.training.recipe import DataSet

CLASSES = "classes.txt"
"""In the folder of a set with masks: the class of each number in a mask, from 0."""

Rows = NDArray[np.int64]


class Masks:
    """The masks of the training photos.

    Args:
        data: the photos. parts: the sets in use, in the order of `data.sources`, which say what classes show an
            attribute (`regions`). pictures: of the same photos, whose changes the masks go through.
        grid: (h, w) of the attention maps.

    Raises:
        TrainingError: no photo has a mask of which a set says what it shows, or a class that the set does not have.
    """

    def __init__(self, data: TrainingData, parts: Sequence[DataSet], pictures: Pictures, grid: tuple[int, int]) -> None:
        self.pictures, self.grid, self.attributes = pictures, grid, data.vocabulary.names
        regions = {str(source["name"]): part.regions for source, part in zip(data.sources, parts, strict=True)}
        self._sets, self._paths = data.set_names, data.train.masks
        self._shown: dict[str, dict[str, list[int]]] = {}
        known = []
        for row, (name, path) in enumerate(zip(self._sets, self._paths, strict=True)):
            if path is not None and regions[name]:
                known.append(row)
                if name not in self._shown:
                    self._shown[name] = _numbers(regions[name], path)
        self.rows: Rows = np.array(known, np.int64)
        if not known:
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
            path, shown = self._paths[row], self._shown.get(self._sets[row])
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
        picture = Image.fromarray(region).convert("RGB")
        seen = Image.fromarray(self.pictures.alike(row, epoch, place, picture)[..., 0])
        height, width = self.grid
        cells = np.asarray(seen.resize((width, height), Image.Resampling.BOX), np.float32)
        return cells / np.float32(255)


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
