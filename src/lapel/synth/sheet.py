"""A contact sheet: one row an attribute, one picture a value, each with its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from lapel.errors import UnknownName
from lapel.synth.item import draw_item
from lapel.synth.labels import ATTRIBUTES, labels_of

_CAPTION = 20
_MARGIN = 132
_PAPER, _INK, _FAINT = "#fbfaf7", "#26221f", "#8d867e"


def contact_sheet(
    path: str | Path,
    seed: int = 0,
    tile: int = 128,
    attributes: Sequence[str] | None = None,
    each: int = 1,
    choose_from: int = 1,
) -> Path:
    """Draw a sheet of every value of `attributes` (all when None) and write it as a JPEG.

    Args:
        path: where to write.
        seed: of the catalogue the examples are taken from.
        tile: side of one picture in pixels.
        attributes: which rows, in this order.
        each: how many examples, and so rows, of each attribute.
        choose_from: of so many items with a value, show the one whose region is the largest.

    Raises:
        UnknownName: an attribute that is not drawn.
    """
    names = list(ATTRIBUTES) if attributes is None else list(attributes)
    for name in names:
        if name not in ATTRIBUTES:
            raise UnknownName("attribute", name, ATTRIBUTES, "The drawing")
    columns = max(len(ATTRIBUTES[name]) for name in names)
    high = tile + _CAPTION + 6
    sheet = Image.new("RGB", (_MARGIN + columns * (tile + 6) + 8, high * len(names) * each + 8), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, name in enumerate(n for n in names for _ in range(each)):
        top = 8 + row * high
        pen.text((10, top + tile // 2 - 8), name.replace("_", "\n"), fill=_INK, font=font)
        for column, value in enumerate(ATTRIBUTES[name]):
            left = _MARGIN + column * (tile + 6)
            index = _clearest(seed, name, value, row % each, choose_from)
            image = draw_item(seed, index, max(tile, 128) * 2)[0].resize((tile, tile), Image.Resampling.LANCZOS)
            sheet.paste(image, (left, top))
            pen.text((left + tile // 2, top + tile + 2), value, fill=_FAINT, font=font, anchor="ma")
    sheet.save(path, "JPEG", quality=80, optimize=True, progressive=True)
    return Path(path)


def _clearest(seed: int, attribute: str, value: str, row: int, choose_from: int) -> int:
    """Among `choose_from` items of the value, the one that shows it largest; plain cloth counts half as much again."""
    found = [find_example(seed, attribute, value, row * choose_from + skip) for skip in range(choose_from)]
    if choose_from == 1:
        return found[0]

    def size(index: int) -> float:
        _, labels, masks = draw_item(seed, index, 96)
        return float(masks[attribute].mean()) * (1.5 if labels["pattern"] == "solid" else 1.0)

    return max(found, key=size)


def find_example(seed: int, attribute: str, value: str, skip: int = 0) -> int:
    """The index of the first item (after `skip` others) whose `attribute` is `value`."""
    index = -1
    while skip >= 0:
        index += 1
        skip -= labels_of(seed, index).get(attribute) == value
    return index
