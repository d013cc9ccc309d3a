"""Skirts and trousers: everything from the waist down."""

from __future__ import annotations

from random import Random

from lapel.synth.body import CROTCH, FLOOR, HIP, KNEE, WAIST, Body
from lapel.synth.canvas import GARMENT, Canvas, hexa
from lapel.synth.fabric import Cloth
from lapel.synth.figure import leg_spine
from lapel.synth.shapes import Points, along, bezier, bow, cut, flip, lerp, side_by_side, tube, wave

SKIRT_HEM = {"short": 578.0, "knee": KNEE - 3.0, "midi": 800.0, "ankle": 882.0, "floor": FLOOR + 10.0}
PANT_HEM = {"short": 578.0, "knee": KNEE - 22.0, "three-quarter": 790.0, "cropped": 862.0, "full": 934.0}
"""Height of the hem for each length."""


def draw_skirt(canvas: Canvas, body: Body, cloth: Cloth, length: str, rng: Random, waistband: bool) -> None:
    """A straight, A-line or flared skirt from the waist to the length's hem."""
    hem = SKIRT_HEM[length]
    reach = hem - HIP
    flare = rng.choice((-0.02, 0.14, 0.24)) if reach < 330 else rng.choice((0.05, 0.13, 0.2))
    side = _skirt_side(body, hem, flare)
    wide = side[-1][0]
    waves = 0.0 if flare < 0.1 else rng.choice((2.5, 3.5, 4.5))
    base = bow((-wide, hem), (wide, hem), -(6 + wide * 0.05), 36)
    low = wave(base, 4.5, waves, rng.uniform(0, 6)) if waves else base
    back = [(x * 0.97, 2 * hem - y + 3) for x, y in low] if waves else [(x, hem - 4) for x, _ in low]
    canvas.shape([*low, *back[::-1]], hexa(cloth.inside()), (GARMENT, "skirt_length"), cloth.line, 2)
    top = [(-side[0][0], side[0][1]), (side[0][0], side[0][1])]
    cloth.piece(canvas, [top[1], *side[1:], *low[::-1][1:-1], *flip(side)[::-1]], (GARMENT, "skirt_length"))
    _skirt_folds(canvas, cloth, side, low, waves, rng)
    cloth.stitch(canvas, [(x * 0.99, y - 10) for x, y in base[1:-1]])
    if waistband:
        draw_waistband(canvas, body, cloth, ("skirt_length",))


def _skirt_side(body: Body, hem: float, flare: float) -> Points:
    waist, hip = body.waist + 4, body.hip + 6
    down = bezier((waist, WAIST), (waist + 6, WAIST + 34), (hip, HIP - 34), (hip, HIP + 4), 8)
    end = hip + flare * (hem - HIP)
    bend = (hip + (end - hip) * 0.28, HIP + (hem - HIP) * 0.33)
    return [*down, *bezier((hip, HIP + 4), bend, lerp(bend, (end, hem), 0.5), (end, hem), 8)[1:]]


def _skirt_folds(canvas: Canvas, cloth: Cloth, side: Points, low: Points, waves: float, rng: Random) -> None:
    """Long folds that open towards the hem, each kept between the two sides."""
    top_y, hem = side[0][1] + 14, side[-1][1]
    shares = [-0.72, -0.42, -0.12, 0.2, 0.5, 0.78] if waves else [-0.5, 0.45]
    dark, lit = [], []
    for share in shares:
        share += rng.uniform(-0.06, 0.06)
        start = rng.uniform(0.0, 0.35)
        top = (along([x for x, _ in side], start) * share * 0.9, top_y + (hem - top_y) * start)
        i = round((share + 1) / 2 * (len(low) - 1))
        foot = low[min(max(i, 1), len(low) - 2)]
        width = (5 + abs(side[-1][0]) * 0.045) * (1 if waves else 0.6)
        control = (top[0], top[1] + (foot[1] - top[1]) * 0.5)
        left, right = (foot[0] - width, foot[1] - 1), (foot[0] + width, foot[1] - 1)
        edge = bezier(top, control, lerp(control, foot, 0.4), left, 6)
        dark.append([*edge, right])
        lit.append([*[(x - 1.4 * width * k / 6, y) for k, (x, y) in enumerate(edge)], left])
    for fold in dark:
        cloth.fold(canvas, fold, 1.05)
    for ridge in lit:
        cloth.glint(canvas, ridge, 0.9)


def draw_waistband(canvas: Canvas, body: Body, cloth: Cloth, tags: tuple[str, ...]) -> None:
    """The band at the waist."""
    w = body.waist + 6
    high, low = bow((-w + 1, WAIST - 12), (w - 1, WAIST - 12), -5, 10), bow((-w, WAIST + 10), (w, WAIST + 10), -6, 10)
    cloth.piece(canvas, [*high, *low[::-1]], (GARMENT, *tags))
    cloth.stitch(canvas, [(x * 0.98, y - 5) for x, y in low])


def draw_trousers(canvas: Canvas, body: Body, cloth: Cloth, length: str, rng: Random, waistband: bool) -> None:
    """Slim, straight or wide trousers from the waist to the length's hem."""
    hem = PANT_HEM[length]
    fit = rng.choice(("slim", "straight", "wide"))
    widths = {
        "slim": (52, 48, 41, 35, 33, 33, 30, 25, 22),
        "straight": (53, 50, 44, 40, 38, 37, 36, 34, 33),
        "wide": (50, 50, 48, 48, 49, 51, 53, 55, 57),
    }[fit]
    tags = (GARMENT, "pant_length")
    for side in (-1, 1):
        spine = _leg_line(body, side, hem)
        share = (hem - spine[0][1]) / (FLOOR - 10 - spine[0][1])
        kept = [along(widths, share * i / 8) for i in range(9)]
        left, right = tube(spine, kept)
        outer, inner = (left, right) if side > 0 else (right, left)
        # Below the crotch a gap opens between the legs, however wide they are cut.
        inner = [(side * max(side * x, 1.5 + max(y - CROTCH, 0) * 0.05), y) for x, y in inner]
        _leg(canvas, body, cloth, side, outer, inner, tags, rng)
    _rise(canvas, body, cloth, tags, widths[0])
    if waistband:
        draw_waistband(canvas, body, cloth, ("pant_length",))
        for x in (-40, 40):
            canvas.shape(
                [(x - 4, WAIST - 13), (x + 4, WAIST - 13), (x + 4, WAIST + 13), (x - 4, WAIST + 13)],
                hexa(cloth.base),
                tags,
                cloth.line,
                1.6,
            )


def _leg_line(body: Body, side: int, hem: float) -> Points:
    spine = leg_spine(body, side)
    spine = [*spine, (spine[-1][0], FLOOR)]
    return cut(spine, (hem - spine[0][1]) * 1.0005)


def _leg(
    canvas: Canvas,
    body: Body,
    cloth: Cloth,
    side: int,
    outer: Points,
    inner: Points,
    tags: tuple[str, ...],
    rng: Random,
) -> None:
    a, b = outer[-1], inner[-1]
    bulge = 6 if a[0] > b[0] else -6
    canvas.shape([*bow(a, b, bulge, 6), *bow(b, a, bulge, 6)], hexa(cloth.inside()), tags, cloth.line, 2)
    hip = side_by_side(
        bezier(
            (body.waist + 5, WAIST), (body.waist + 10, WAIST + 34), (body.hip + 7, HIP - 34), (body.hip + 7, HIP + 6), 7
        ),
        side,
    )
    below = [p for p in outer if p[1] > HIP + 30]
    hem = bow(a, b, bulge, 6)
    outline = [(side * -2, WAIST), *hip, *below, *hem[1:], *inner[::-1], (side * -2, CROTCH - 20)]
    cloth.piece(canvas, outline, tags)
    cloth.stitch(canvas, [(x, y - 9) for x, y in hem])
    crease = [lerp(p, q, 0.5) for p, q in zip(outer, inner, strict=True)]
    canvas.line(crease[5:], cloth.seam, 1.5, 0.45)
    for mark in (0.47, 0.53, 0.92):
        i = min(round((mark + rng.uniform(-0.03, 0.03)) * (len(outer) - 1)), len(outer) - 1)
        start, far = (outer[i], inner[i]) if rng.random() < 0.5 else (inner[i], outer[i])
        end = lerp(start, far, rng.uniform(0.35, 0.6))
        cloth.fold(canvas, [start, *bow((start[0], start[1] + 6), (end[0], end[1] + 8), 2, 5)], 0.8)


def _rise(canvas: Canvas, body: Body, cloth: Cloth, tags: tuple[str, ...], half: float) -> None:
    """The fly, the pockets and the creases between the legs."""
    canvas.line([(0, WAIST + 8), (0, CROTCH + 16)], cloth.line, 2.2, 0.9)
    cloth.stitch(canvas, bezier((13, WAIST + 10), (14, WAIST + 60), (12, WAIST + 82), (1, WAIST + 92), 8))
    for side in (-1, 1):
        pocket = side_by_side(
            bezier(
                (body.waist - 18, WAIST + 11),
                (body.waist - 4, WAIST + 40),
                (body.hip - 4, WAIST + 58),
                (body.hip + 5, WAIST + 64),
                6,
            ),
            side,
        )
        canvas.line(pocket, cloth.line, 1.9, 0.85)
        cloth.fold(
            canvas, [(side * 3, CROTCH - 4), *bow((side * 8, CROTCH - 6), (side * 52, CROTCH - 30), side * 3, 5)], 0.9
        )
