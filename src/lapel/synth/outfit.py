"""Puts a garment together from its labels, in the order in which things lie over each other."""

from __future__ import annotations

from random import Random

from lapel.synth import bodice, coats, collars, figure, head, skirts, sleeves
from lapel.synth.body import HIP, NECK, WAIST, Body
from lapel.synth.canvas import Canvas
from lapel.synth.companions import choose_companions, draw_lower_companion, draw_top_companion
from lapel.synth.fabric import Cloth, cloth_of
from lapel.synth.labels import LOWER
from lapel.synth.motifs import motif
from lapel.synth.tables import draw_hanger


def draw_worn(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    """The garment on a body or mannequin, with other clothes."""
    category = labels["category"]
    head.draw_back_hair(canvas, body)
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
    head.draw_head(canvas, body)


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


def draw_flat(canvas: Canvas, body: Body, cloth: Cloth, labels: dict[str, str], rng: Random) -> None:
    """The garment alone, laid flat or on a hanger."""
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
