"""One item: labels, then body, cloth and cut, then the drawing in the order in which things lie over each other."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import InputError
from lapel.synth import bodice, coats, collars, figure, rasterise, skirts, sleeves
from lapel.synth.backdrops import draw_backdrop
from lapel.synth.body import FLOOR, HIP, NECK, WAIST, Body, make_body
from lapel.synth.camera import Box, Camera, aim
from lapel.synth.canvas import Canvas
from lapel.synth.companions import choose_companions, draw_lower_companion, draw_top_companion
from lapel.synth.fabric import PALETTE, Cloth, cloth_of, make_cloth
from lapel.synth.labels import labels_of, source
from lapel.synth.light import Light, make_light
from lapel.synth.motifs import motif
from lapel.synth.tables import draw_hanger, draw_table

LOWER = ("skirt", "trousers")
UPPER = ("top", "shirt", "sweater")
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
        _draw_worn(canvas, body, cloth, labels, rng)
    else:
        _draw_flat(canvas, body, cloth, labels, rng)
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


def _draw_worn(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    category = labels["category"]
    figure.draw_back_hair(canvas, body)
    if category == "coat":
        coats.draw_coat_back(canvas, body, cloth, labels["coat_length"])
    lower, upper = choose_companions(category, rng)
    bare = _bare(labels, lower, upper)
    figure.draw_legs(canvas, body, bare)
    figure.draw_torso(canvas, body, bare)
    if lower:
        draw_lower_companion(canvas, body, cloth, lower, rng)
    if upper:
        draw_top_companion(canvas, body, cloth, upper, rng)
    _draw_garment(canvas, body, cloth, labels, rng)
    figure.draw_head(canvas, body)


def _bare(labels: dict[str, str], lower: str, upper: str) -> figure.Bare:
    """How much of the legs and arms shows beyond these clothes; a margin of 50 units lies under the hems."""
    pants, skirt = labels.get("pant_length"), labels.get("skirt_length")
    if lower in ("full", "cropped"):
        pants = lower
    elif lower:
        skirt = lower
    legs = skirts.PANT_HEM[pants] if pants else skirts.SKIRT_HEM[skirt or "short"]
    sleeve = labels.get("sleeve_length", upper)
    # Off the shoulder and with caps the upper arm itself is bare.
    hidden = labels.get("neckline_design") != "off-shoulder" and sleeve not in ("cap", "sleeveless")
    return figure.Bare(legs - 50, sleeves.REACH[sleeve] - 50 if hidden else 0.0)


def _draw_flat(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    category = labels["category"]
    if rng.random() < 0.4 and labels.get("neckline_design") not in ("strapless", "off-shoulder", "one-shoulder"):
        draw_hanger(canvas, body, category in LOWER)
    if category == "coat":
        coats.draw_coat_back(canvas, body, cloth, labels["coat_length"])
    _draw_garment(canvas, body, cloth, labels, rng)


def _draw_garment(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    category = labels["category"]
    if category == "coat":
        style = rng.choice(("set", "set", "cuff"))
        sleeves.draw_sleeves(canvas, body, cloth, labels["sleeve_length"], rng, 13, style)
        trim = _trim(cloth, rng, bold=False)
        coats.draw_coat(canvas, body, cloth, trim, labels["coat_length"], labels["lapel_design"], rng)
        return
    if "skirt_length" in labels:
        skirts.draw_skirt(canvas, body, cloth, labels["skirt_length"], rng, waistband=category == "skirt")
    if "pant_length" in labels:
        skirts.draw_trousers(canvas, body, cloth, labels["pant_length"], rng, waistband=category == "trousers")
    if category in LOWER:
        _print_lower(canvas, cloth, labels, rng)
        return
    _draw_upper(canvas, body, cloth, labels, rng)


def _draw_upper(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    """Bodice, sleeves and whatever is at the neck."""
    category, length = labels["category"], labels["sleeve_length"]
    collar, neck, neckline = (labels.get(a) for a in ("collar_design", "neck_design", "neckline_design"))
    joined = category in ("dress", "jumpsuit")
    edge = neckline or ("cowl" if neck == "draped" else "tight")
    cut = bodice.make_cut(rng, edge, length == "sleeveless", joined, loose=category == "sweater")
    if not body.worn:
        bodice.draw_inside(canvas, body, cloth, cut)
    if length != "sleeveless":
        style = {"sweater": "rib", "shirt": "cuff"}.get(category) or rng.choice(("set", "set", "bell", "cuff"))
        sleeves.draw_sleeves(canvas, body, cloth, length, rng, cut.ease, style, dropped=neckline == "off-shoulder")
    bodice.draw_bodice(canvas, body, cloth, cut, rng, mark=neckline is not None)
    if not joined:
        bodice.draw_hem(canvas, body, cloth, cut, ribbed=category == "sweater")
    buttons = collar is not None
    if labels["pattern"] == "graphic":
        _print_chest(canvas, cloth, labels, rng, buttons)
    if buttons:
        color = rng.choice(("#f4f0e8", "#2a2422", "#c8a860"))
        bodice.draw_front(canvas, cloth, NECK + 44, cut.hem, 4 if joined else 6, color)
    if joined:
        _draw_belt(canvas, body, cloth, rng, cut.ease)
    if neckline == "off-shoulder":
        sleeves.draw_off_shoulder_band(canvas, body, cloth, rng)
    if collar is not None:
        collars.draw_collar(canvas, body, cloth, _trim(cloth, rng, bold=True), collar, rng)
    if neck is not None:
        collars.draw_neck(canvas, body, _trim(cloth, rng, bold=False), neck, rng)


def _trim(cloth: Cloth, rng: Random, bold: bool) -> Cloth:
    """The plain cloth of collars, necks and lapels: a shade of the garment's own or (bold) white or black."""
    if bold and rng.random() < 0.5:
        base = (246.0, 244.0, 240.0) if sum(cloth.base) < 560 else (40.0, 38.0, 46.0)
        return cloth_of(rng, base, "solid", 2, cloth.light)
    light = cloth.dark or (sum(cloth.base) < 330 and rng.random() < 0.5)
    return cloth.plain(0.16 if light else -0.14)


def _draw_belt(canvas: Canvas, body: Body, cloth: Cloth, rng: Random, ease: float) -> None:
    """The seam or belt at the waist of a dress or jumpsuit."""
    style = rng.choice(("seam", "belt", "self"))
    w = body.waist + ease + 2
    if style == "seam":
        canvas.line([(-w, WAIST + 5), (0, WAIST + 9), (w, WAIST + 5)], cloth.line, 2.4)
        return
    own = style == "self"
    band = cloth if own else cloth_of(rng, (58, 40, 32) if sum(cloth.base) > 300 else (238, 234, 226), "solid", 2, 1)
    tags = ("garment",) if own else ("other",)
    points = [(-w, WAIST - 8), (w, WAIST - 8), (w + 1, WAIST + 12), (0, WAIST + 16), (-w - 1, WAIST + 12)]
    band.piece(canvas, points, tags)
    if not own:
        canvas.mark(
            f'<rect x="-11" y="{WAIST - 10}" width="22" height="26" rx="4" fill="none" stroke="#d8b860"'
            f' stroke-width="4"/>'
        )


def _print_chest(canvas: Canvas, cloth: Cloth, labels: dict[str, str], rng: Random, buttons: bool) -> None:
    """A graphic print where the front is free."""
    joined = labels["category"] in ("dress", "jumpsuit")
    low = labels.get("neckline_design") in ("deep-v", "off-shoulder") or "puritan" in labels.values()
    low = low or labels.get("neck_design") in ("draped", "ruffle")
    if joined and low:
        x, y, r = (0.0, 490.0, 44.0) if "skirt_length" in labels else (46.0, 530.0, 30.0)
    elif low:
        x, y, r = 0.0, 412.0, 40.0
    else:
        x, y, r = 0.0, 326.0, 44.0
    if buttons:
        x, r = 36.0, min(r, 27.0)
    canvas.mark(motif(rng, x, y, r, cloth.base))


def _print_lower(canvas: Canvas, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    if labels["pattern"] != "graphic":
        return
    if labels["category"] == "skirt":
        canvas.mark(motif(rng, 0, HIP + 26, 48, cloth.base))
        return
    state = rng.getstate()
    for x in (-47, 47):
        rng.setstate(state)  # the same print on both legs
        canvas.mark(motif(rng, x, HIP + 46, 29, cloth.base))


def _foot_shadow(canvas: Canvas, camera: Camera) -> None:
    x, y = camera.place(8, FLOOR)
    wide = abs(camera.a) * 140
    canvas.backdrop.append(
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{wide:.1f}" ry="{wide * 0.09:.1f}" fill="#0a080c" fill-opacity=".28"/>'
    )
