"""One item: labels, then body, cloth and cut, then the drawing in the order in which things lie over each other."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import InputError
from lapel.synth import coats, rasterise
from lapel.synth.backdrops import draw_backdrop
from lapel.synth.body import FLOOR, WAIST, Body, make_body
from lapel.synth.camera import Box, Camera, aim
from lapel.synth.canvas import Canvas
from lapel.synth.fabric import PALETTE, make_cloth
from lapel.synth.labels import LOWER, UPPER, labels_of, source
from lapel.synth.light import Light, make_light
from lapel.synth.outfit import draw_flat, draw_worn
from lapel.synth.tables import draw_table

MIN_SIZE, MAX_SIZE = 64, 2048


def draw_item(
    seed: int, index: int, size: int = 256
) -> tuple[Image.Image, dict[str, str], dict[str, NDArray[np.bool_]]]:
    """Draw item `index` of `seed`; it depends on nothing else.

    Args:
        seed: any integer.
        index: 0 or greater.
        size: the picture's side in pixels, 64 to 2048.

    Returns:
        The RGB picture; attribute -> value; attribute -> (size, size) mask of the visible pixels that decide it.

    Raises:
        InputError: index or size is out of range.
    """
    if index < 0:
        raise InputError(f"The index is {index}; items are counted from 0.")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"The size is {size} pixels; it may be {MIN_SIZE} to {MAX_SIZE}.")
    labels = labels_of(seed, index)
    canvas, camera, light = compose(seed, index, labels)
    flat = rasterise.flat_drawing(canvas, camera, size)
    return rasterise.picture(canvas, camera, flat, light), labels, rasterise.regions(canvas, flat, tuple(labels))


def compose(seed: int, index: int, labels: dict[str, str]) -> tuple[Canvas, Camera, Light]:
    """The drawing of an item with these labels, its camera and its light."""
    canvas = Canvas()
    rng = source(seed, index, "body")
    kind = _view(labels, rng)
    spread = (24.0, 50.0) if kind == "flat" else (13.0, 34.0)
    body = make_body(rng, kind, spread, PALETTE[labels["color"]])
    light = rng.choice((-1, 1))
    cloth = make_cloth(
        source(seed, index, "cloth"),
        labels["color"],
        labels["pattern"],
        _pixel(labels),
        light,
        knit=labels["category"] == "sweater",
    )
    rng = source(seed, index, "cut")
    if body.worn:
        draw_worn(canvas, body, cloth, labels, rng)
    else:
        draw_flat(canvas, body, cloth, labels, rng)
    rng = source(seed, index, "scene")
    camera = aim(rng, _focus(canvas, labels, body, rng), body.lean, not body.worn)
    if body.worn:
        draw_backdrop(canvas, rng, cloth.base, camera.place(0, FLOOR)[1])
        _foot_shadow(canvas, camera)
    else:
        draw_table(canvas, rng, cloth.base)
    return canvas, camera, make_light(rng, light, cloth.weave, cloth.dark, lying=not body.worn)


def _view(labels: dict[str, str], rng: Random) -> str:
    """Worn, on a mannequin or flat; lengths that only a limb can tell apart are not shown flat."""
    needs_body = (
        labels.get("skirt_length") in ("midi", "ankle", "floor")
        or labels.get("pant_length") in ("three-quarter", "cropped", "full")
        or labels.get("coat_length") in ("knee", "midi", "ankle")
        or labels.get("sleeve_length") == "three-quarter"
    )
    kinds = ("person", "person", "mannequin") if needs_body else ("person", "person", "mannequin", "flat", "flat")
    return rng.choice(kinds)


def _pixel(labels: dict[str, str]) -> float:
    """About how many figure units one pixel of a 256-pixel picture will cover."""
    if labels["category"] in UPPER:
        return 1.9
    if labels["category"] in LOWER:
        return 2.7
    if labels["category"] == "coat":
        return 1.3 + coats.COAT_HEM[labels["coat_length"]] / 400
    return 3.4


def _focus(canvas: Canvas, labels: dict[str, str], body: Body, rng: Random) -> Box:
    """What the picture must show: the garment, and on a body enough of it to judge a length by."""
    left, right, top, bottom = canvas.low[0], canvas.high[0], canvas.low[1], canvas.high[1]
    if not body.worn:
        return (left - 12, top - rng.uniform(12, 40), right + 12, bottom + 14)
    top = {"skirt": WAIST - 90.0, "trousers": WAIST - 90.0}.get(labels["category"], rng.choice((-14.0, 62.0, 100.0)))
    if labels["category"] in (*LOWER, "dress", "jumpsuit"):
        bottom = FLOOR + 16
        if labels["category"] in ("dress", "jumpsuit"):  # a whole figure leaves little room: mostly no head
            top = rng.choice((58.0, 106.0, 106.0))
    elif labels["category"] == "coat":
        bottom = min(bottom + 200, FLOOR + 16)
    else:
        bottom += rng.uniform(14, 60)
    return (left - 8, top, right + 8, bottom)


def _foot_shadow(canvas: Canvas, camera: Camera) -> None:
    x, y = camera.place(8, FLOOR)
    wide = abs(camera.a) * 140
    canvas.backdrop.append(
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{wide:.1f}" ry="{wide * 0.09:.1f}" fill="#0a080c" fill-opacity=".28"/>'
    )
