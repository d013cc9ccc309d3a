"""Coats: two fronts over a lining, and the lapels between them."""

from __future__ import annotations

from random import Random

from lapel.synth.body import ARMPIT, HIP, NECK, WAIST, Body
from lapel.synth.canvas import GARMENT, Canvas, hexa
from lapel.synth.fabric import Cloth
from lapel.synth.necklines import on_slope
from lapel.synth.shapes import Point, Points, bezier, bow, flip, lerp, side_by_side, spline

COAT_HEM = {"waist": 404.0, "hip": 500.0, "thigh": 596.0, "knee": 702.0, "midi": 800.0, "ankle": 886.0}
LAPEL = (GARMENT, "lapel_design")
COAT = (GARMENT, "coat_length")


def coat_side(body: Body, hem: float, ease: float, flare: float) -> Points:
    """The right side seam."""
    bust, waist, hip = body.bust + ease, body.waist + ease + 6, body.hip + ease
    down = bezier((bust, ARMPIT + 4), (bust, 320), (waist, 350), (waist, WAIST), 8)
    if hem < HIP:
        return [*down, (waist + 3, hem)]
    down += bezier((waist, WAIST), (waist + 3, 420), (hip, 446), (hip, HIP), 6)[1:]
    return [*down, (hip + flare * (hem - HIP), hem)]


def draw_coat_back(canvas: Canvas, body: Body, cloth: Cloth, length: str) -> None:
    """The lining behind the neck."""
    edge = on_slope(body, 44)
    half = [(0, NECK - 24), (body.neck + 6, NECK - 20), edge, (38, 260), (0, 360)]
    canvas.shape([*half, *flip(half)[::-1]], hexa(cloth.inside()), ("inside",), cloth.line, 2)


def draw_coat(canvas: Canvas, body: Body, cloth: Cloth, trim: Cloth, length: str, lapel: str, rng: Random) -> None:
    """Both fronts, closed below the lapels, with lapels, buttons and pockets."""
    hem, ease, flare = COAT_HEM[length], rng.uniform(12, 17), rng.uniform(0.03, 0.12)
    brk = min(rng.uniform(318, 352), hem - 60)
    double = rng.random() < 0.35 and lapel != "collarless"
    side = coat_side(body, hem, ease, flare)
    for way in (-1, 1):  # the right front of the picture lies on top
        lap = 30.0 if double else 14.0
        _front(canvas, body, cloth, side, way, brk, hem, lap)
    _details(canvas, body, cloth, brk, hem, double, rng)
    _coat_folds(canvas, body, cloth, side, hem, rng)
    if lapel == "collarless":
        _bind(canvas, body, trim, brk)
    for way in (-1, 1):
        if lapel == "notched":
            _notched(canvas, body, trim, way, brk)
        elif lapel in ("shawl", "wide-shawl"):
            _shawl(canvas, body, trim, way, brk, wide=lapel == "wide-shawl")


def _front(
    canvas: Canvas, body: Body, cloth: Cloth, side: Points, way: int, brk: float, hem: float, lap: float
) -> None:
    neck = on_slope(body, 40)
    tip = on_slope(body, body.shoulder + 7)
    inner = min(tip[0], body.bust) - 2
    hole = bezier(tip, (inner, 226), (inner + 2, 256), side[0], 8)
    middle = -lap if way > 0 else lap * 0.6
    half = [(middle, brk + 6), neck, *hole, *side[1:], *bow(side[-1], (middle, hem + 5), -2, 6)[1:]]
    if way < 0:
        half[0] = (-middle, brk + 6)
        half[-1] = (-middle, hem + 5)
    cloth.piece(canvas, side_by_side(half, way), COAT)


def _bind(canvas: Canvas, body: Body, cloth: Cloth, brk: float) -> None:
    """The bound edge of a collarless front."""
    for way in (-1, 1):
        a, b = on_slope(body, 40), (-2.0, brk + 4)
        line = side_by_side(bow(a, b, 4, 10), way)
        outer = side_by_side(bow((a[0] + 9, a[1] + 1), (b[0] + 8, b[1] + 10), 4, 10), way)
        canvas.shape([*line, *outer[::-1]], hexa(cloth.base), LAPEL, cloth.line, 2)
        canvas.zone("lapel_design", [*line, (0.0, NECK - 4)])


def _notched(canvas: Canvas, body: Body, cloth: Cloth, way: int, brk: float) -> None:
    """A collar and a lapel with a clear notch between them."""
    roll_top, roll_end = (body.neck + 4.0, NECK - 20.0), (-2.0, brk + 4)
    bite = lerp(roll_top, roll_end, 0.5)
    gorge = (54.0, 236.0)  # where collar and lapel meet; outwards from here they gape
    lapel = [bite, gorge, (103.0, 240.0), *bezier((103, 240), (90, 284), (48, 318), roll_end, 8)[1:]]
    collar = [roll_top, (body.neck + 18.0, NECK - 12.0), (80.0, NECK + 18.0), (92.0, NECK + 38.0), gorge, bite]
    _leaf(canvas, cloth, lapel, way)
    _leaf(canvas, cloth, collar, way)
    eye = [(80.0, 250.0), (92.0, 250.0)]
    canvas.line(side_by_side(eye, way), cloth.seam, 2.4, 0.9)


def _shawl(canvas: Canvas, body: Body, cloth: Cloth, way: int, brk: float, wide: bool) -> None:
    """One unbroken rounded lapel from the back of the neck to the button."""
    top, end = (body.neck + 3.0, NECK - 22.0), (-2.0, brk + 5)
    if wide:
        outer = [top, (body.neck + 26, NECK - 12), (96, NECK + 22), (116, NECK + 62), (104, 274), (62, brk - 12), end]
    else:
        outer = [top, (body.neck + 16, NECK - 8), (60, NECK + 26), (66, 240), (50, 286), (22, brk - 14), end]
    inner = bow(end, top, 4, 8)
    leaf = [*spline(outer, 5), *inner[1:]]
    _leaf(canvas, cloth, leaf, way)


def _leaf(canvas: Canvas, cloth: Cloth, half: Points, way: int) -> None:
    leaf = side_by_side(half, way)
    canvas.paint([(x + way * 2, y + 8) for x, y in leaf], "#0c080a", 0.3)
    cloth.piece(canvas, leaf, LAPEL, 28 * way)
    canvas.line([*leaf, leaf[0]], cloth.line, 3.0)
    middle = (sum(x for x, _ in leaf) / len(leaf), sum(y for _, y in leaf) / len(leaf))
    cloth.stitch(canvas, [lerp(p, middle, 0.12) for p in leaf])


def _details(canvas: Canvas, body: Body, cloth: Cloth, brk: float, hem: float, double: bool, rng: Random) -> None:
    """Buttons and pockets."""
    button = rng.choice(("#2a221e", "#d8c9a4", "#8a6a3c")) if not cloth.dark else "#cfc6b4"
    last = min(brk + 210, hem - 40)
    rows = 1 if last - brk < 60 else 3
    places: list[Point] = []
    for i in range(rows):
        y = brk + 22 + (last - brk - 22) * i / max(rows - 1, 1) if rows > 1 else brk + 20
        places += [(-22, y), (22, y)] if double else [(-2, y)]
    for x, y in places:
        canvas.mark(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6.6" fill="{button}" stroke="{cloth.line}" stroke-width="1.8"/>'
        )
    if hem > 480:
        y = min(WAIST + 56, hem - 46)
        for way in (-1, 1):
            flap = [(34, y + 4), (80, y), (82, y + 18), (35, y + 22)]
            canvas.shape(side_by_side(flap, way), hexa(cloth.base), COAT, cloth.line, 2)


def _coat_folds(canvas: Canvas, body: Body, cloth: Cloth, side: Points, hem: float, rng: Random) -> None:
    wide = side[-1][0]
    cloth.stitch(canvas, bow((-wide + 4, hem - 11), (wide - 4, hem - 11), -5, 10))
    for way in (-1, 1):
        x = way * (side[0][0] - 6)
        cloth.fold(canvas, [(x, ARMPIT + 14), *bow((x, ARMPIT + 24), (way * 34, ARMPIT + 66), way * 4, 5)])
        if hem > HIP + 60:
            for share in (0.45, 0.75):
                top = (way * body.hip * share, HIP + rng.uniform(24, 60))
                foot = (way * wide * share, hem - 2)
                cloth.fold(canvas, [top, (foot[0] - 7, foot[1]), (foot[0] + 7, foot[1])], 1.0)
                cloth.glint(canvas, [top, (foot[0] + 7, foot[1]), (foot[0] + 15, foot[1])], 0.8)
