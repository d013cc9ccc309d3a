"""What goes round the neck: collars and the high or draped necks of knitwear."""

from __future__ import annotations

from random import Random

from lapel.synth.body import CHIN, NECK, Body
from lapel.synth.canvas import GARMENT, Canvas, hexa
from lapel.synth.fabric import Cloth
from lapel.synth.necklines import on_slope
from lapel.synth.shapes import Points, bezier, bow, flip, lerp, side_by_side, spline, wave

COLLAR = (GARMENT, "collar_design")
NECK_TAGS = (GARMENT, "neck_design")


def draw_collar(canvas: Canvas, body: Body, cloth: Cloth, trim: Cloth, design: str, rng: Random) -> None:
    """A collar: "shirt" (points), "peter-pan" (round), "puritan" (wide, to the shoulders) or "rib" (knitted band)."""
    if design == "rib":
        _rib_band(canvas, body, trim)
        return
    half = {"shirt": _shirt_leaf, "peter-pan": _peter_pan_leaf, "puritan": _puritan_leaf}[design](body, rng)
    for side in (-1, 1):
        leaf = side_by_side(half, side)
        canvas.paint([(x + side * 2, y + 7) for x, y in leaf], "#140a0e", 0.24)
        trim.piece(canvas, leaf, COLLAR)
        middle = (sum(x for x, _ in leaf) / len(leaf), sum(y for _, y in leaf) / len(leaf))
        trim.stitch(canvas, [lerp(p, middle, 0.13) for p in leaf[6:-1]])
    if design == "shirt":
        canvas.mark(
            f'<circle cx="0" cy="{NECK + 36}" r="4.6" fill="#f2eee6" stroke="{cloth.line}" stroke-width="1.4"/>'
        )


def _shirt_leaf(body: Body, rng: Random) -> Points:
    n = body.neck
    inner = bezier((2, NECK + 30), (14, NECK + 18), (n, NECK + 6), (n + 3, NECK - 22), 6)
    outer = bezier((n + 3, NECK - 22), (n + 14, NECK - 18), (n + 22, NECK), (n + 24, NECK + 12), 5)
    return [*inner, *outer[1:], (rng.uniform(44, 50), NECK + 72), (2, NECK + 32)]


def _peter_pan_leaf(body: Body, rng: Random) -> Points:
    n = body.neck
    inner = bezier((2, NECK + 34), (16, NECK + 28), (n + 2, NECK + 14), (n + 5, NECK - 4), 6)
    outer = spline(
        [
            (n + 5, NECK - 4),
            (n + 34, NECK + 16),
            (70, NECK + 46),
            (60, NECK + 76),
            (34, NECK + 84),
            (10, NECK + 68),
            (2, NECK + 36),
        ],
        4,
    )
    return [*inner, *outer[1:]]


def _puritan_leaf(body: Body, rng: Random) -> Points:
    n, s = body.neck, body.shoulder
    inner = bezier((2, NECK + 36), (16, NECK + 30), (n + 2, NECK + 14), (n + 5, NECK - 4), 6)
    outer: Points = [(n + 30, NECK + 6), (s - 12, NECK + 27), (s + 10, NECK + 50)]
    outer += bezier((s + 10, NECK + 50), (s + 6, NECK + 92), (s - 6, NECK + 116), (s - 18, NECK + 124), 5)[1:]
    return [*inner, *outer, (26, NECK + 136), (2, NECK + 40)]


def _rib_band(canvas: Canvas, body: Body, trim: Cloth) -> None:
    """A knitted band with a contrasting stripe, as on a bomber or baseball jacket."""
    n = body.neck
    inner = bezier((0, NECK + 34), (20, NECK + 30), (n + 2, NECK + 8), (n + 3, NECK - 18), 9)
    outer = bezier((0, NECK + 66), (36, NECK + 62), (n + 28, NECK + 34), (n + 28, NECK + 4), 9)
    for side in (-1, 1):
        a, b = side_by_side(inner, side), side_by_side(outer, side)
        trim.piece(canvas, [*a, *b[::-1]], COLLAR)
        trim.rib(canvas, a, b, 9)
        for share in (0.42, 0.62):
            canvas.line([lerp(p, q, share) for p, q in zip(a, b, strict=True)], trim.line, 3.4, 0.9)


def draw_neck(canvas: Canvas, body: Body, cloth: Cloth, design: str, rng: Random) -> None:
    """A neck: "turtle" (to the chin, turned over), "low-turtle" (a band), "ruffle" or "draped"."""
    {"turtle": _turtle, "low-turtle": _low_turtle, "ruffle": _ruffle, "draped": _draped}[design](
        canvas, body, cloth, rng
    )


def _tube_neck(canvas: Canvas, cloth: Cloth, top: float, low: float, wide: float, foot: float, ribs: int) -> None:
    high = bow((-wide, top), (wide, top), -8, 12)
    base = bow((-foot, low - 12), (foot, low - 12), -20, 12)
    back = bow((-wide, top), (wide, top), 4, 12)
    canvas.shape([*back, *high[::-1]], hexa(cloth.inside()), NECK_TAGS, cloth.line, 2)
    cloth.piece(canvas, [*high, *base[::-1]], NECK_TAGS)
    cloth.rib(canvas, high, base, ribs)


def _turtle(canvas: Canvas, body: Body, cloth: Cloth, rng: Random) -> None:
    n = body.neck
    _tube_neck(canvas, cloth, NECK - 14, NECK + 36, n + 6, n + 20, 12)
    high = bow((-n - 7, CHIN + 2), (n + 7, CHIN + 2), -7, 12)
    low = bow((-n - 13, NECK + 12), (n + 13, NECK + 12), -13, 12)
    canvas.paint([(x, y + 7) for x, y in low] + [(x, y - 6) for x, y in low[::-1]], "#140a0e", 0.35)
    cloth.piece(canvas, [*high, *low[::-1]], NECK_TAGS)
    cloth.rib(canvas, high, low, 12)


def _low_turtle(canvas: Canvas, body: Body, cloth: Cloth, rng: Random) -> None:
    _tube_neck(canvas, cloth, NECK - 4, NECK + 38, body.neck + 4, body.neck + 16, 12)


def _ruffle(canvas: Canvas, body: Body, cloth: Cloth, rng: Random) -> None:
    """Two gathered frills: one falls on the chest, one stands round the neck."""
    n = body.neck
    for wide, low, high, count in ((n + 58, NECK + 92, NECK + 10, 8.5), (n + 32, NECK + 48, NECK - 24, 6.5)):
        inner = bezier((-n - 8, high), (-n, high + 44), (n, high + 44), (n + 8, high), 44)
        rim = bezier((-wide, high + 22), (-wide * 0.72, low + 16), (wide * 0.72, low + 16), (wide, high + 22), 44)
        outer = wave(rim, 7.5, count, 0.4)
        canvas.paint([(x, y + 7) for x, y in outer] + inner[::-1], "#140a0e", 0.25)
        cloth.piece(canvas, [*inner, *outer[::-1]], NECK_TAGS)
        for i in range(2, 43, 3):
            a, b = inner[i], outer[i]
            mid = lerp(a, b, 0.15)
            cloth.fold(canvas, [mid, (b[0] - 3.5, b[1]), (b[0] + 3.5, b[1])], 1.4)
        canvas.line(outer, cloth.line, 2.4)


def _draped(canvas: Canvas, body: Body, cloth: Cloth, rng: Random) -> None:
    """A cowl: cloth that falls from both shoulders in deepening swags."""
    start = on_slope(body, 52)
    sags = (NECK + 70, NECK + 94, NECK + 122, NECK + 152)
    curves = []
    for i, sag in enumerate(sags):
        x, y = start[0] + i * 8, start[1] + i * 9
        curves.append(bezier((-x, y), (-x * 0.62, sag + 22), (x * 0.62, sag + 22), (x, y), 16))
    for upper, lower in zip(curves[-2::-1], curves[:0:-1], strict=True):
        cloth.piece(canvas, [*upper, *lower[::-1]], NECK_TAGS)
        shade = [lerp(p, q, 0.55) for p, q in zip(upper, lower, strict=True)]
        cloth.fold(canvas, [*shade, *lower[::-1]], 1.5)
        light = [lerp(p, q, 0.32) for p, q in zip(upper, lower, strict=True)]
        cloth.glint(canvas, [*upper, *light[::-1]], 1.0)
    canvas.line(curves[0], cloth.line, 3)


def cowl_edge(body: Body) -> Points:
    """The upper edge of the draped neck: the bodice below it is cut a little lower."""
    x, y = on_slope(body, 52)
    half = bezier((0, NECK + 96), (x * 0.4, NECK + 92), (x - 6, y + 30), (x, y), 8)
    return [*flip(half)[::-1], *half[1:]]
