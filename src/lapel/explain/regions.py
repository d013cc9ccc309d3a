"""Where a model looks on photos, as one picture, drawn by one call for every system; and what a second branch reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lapel.errors import InputError
from lapel.explain.heat_map import heat_map
from lapel.images import crop_boxes, cut_crops, fit, normalise
from lapel.schema import Card, Floats, Model, Outputs, PhotoModel, spoken, spoken_value

SIDE, CROP, GAP, LINE = 220, 110, 16, 16
INK, QUIET, PAPER, EDGE = (38, 34, 30), (106, 100, 93), (251, 250, 248), (255, 255, 255)


def draw_regions(photos: Sequence[Image.Image], model: Model, attributes: Sequence[str] = ()) -> Image.Image:
    """A row a photo, a column an attribute: the photo under the attribute's heat map, and the most probable value.

    Of a model with a second branch (ASEN++, RPF) each photo also shows the box that is cut out of it, and beneath it
    the crop as the branch reads it. A system that does not attend has no regions; its photos stand unchanged.

    Args:
        photos: upright RGB photos of any size, as `open_image` gives them at full size.
        model: any; see `lapel.export.load_model`.
        attributes: which of the model's; empty: all.

    Returns:
        RGB.

    Raises:
        InputError: no photo.
        UnknownName: an attribute that the model does not know.
    """
    if not photos:
        raise InputError("There is no photo to draw regions of; give at least one.")
    card = model.card
    asked = [card.vocabulary.index(name) for name in attributes or card.vocabulary.names]
    found = _outputs(photos, model)
    high = LINE * 2 + SIDE + (CROP + LINE if card.crops else 0) + GAP
    sheet = Image.new("RGB", (GAP + len(asked) * (SIDE + GAP), GAP + len(photos) * high), PAPER)
    for row, photo in enumerate(photos):
        for column, k in enumerate(asked):
            corner = GAP + column * (SIDE + GAP), GAP + row * high
            _cell(sheet, corner, photo, found.regions[row, k], _title(card, k, found.values[row]), card)
    return sheet


def _outputs(photos: Sequence[Image.Image], model: Model) -> Outputs:
    if model.card.crops and isinstance(model, PhotoModel):
        return model.photos(photos)
    preprocess = model.card.preprocess
    return model(normalise(np.stack([fit(photo, preprocess) for photo in photos]), preprocess))


def _title(card: Card, k: int, values: Floats) -> tuple[str, str]:
    """The attribute, and its most probable value where probabilities were fitted."""
    attribute = card.vocabulary.attributes[k]
    name = spoken(attribute.name)
    if not card.values_fitted:
        return name, ""
    own = values[card.vocabulary.slices[k]]
    return name, f"{spoken_value(attribute.name, attribute.values[int(own.argmax())])} {own.max():.0%}"


def _cell(
    sheet: Image.Image, corner: tuple[int, int], photo: Image.Image, region: Floats, title: tuple[str, str], card: Card
) -> None:
    left, top = corner
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.text((left, top), title[0], INK, font)
    pen.text((left, top + LINE), title[1], QUIET, font)
    top += 2 * LINE
    shown = photo.convert("RGB")
    shown.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if card.attends:
        shown = heat_map(shown, region, card.preprocess)
    sheet.paste(shown, (left, top))
    if not card.crops:
        return
    box = crop_boxes(region[None], [photo.size], card.preprocess, card.crops.threshold)[0]
    scale = shown.width / photo.width, shown.height / photo.height
    x, y, right, bottom = (round(float(at)) for at in box * (scale * 2) + (left, top) * 2)
    pen.rectangle((x, y, max(x, right - 1), max(y, bottom - 1)), outline=EDGE, width=2)
    crop = Image.fromarray(cut_crops([photo], region[None, None], card.preprocess, card.crops)[0, 0])
    crop.thumbnail((SIDE, CROP), Image.Resampling.LANCZOS)
    sheet.paste(crop, (left, top + SIDE + LINE // 2))
