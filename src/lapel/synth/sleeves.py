"""Sleeves from a cap to the wrist, set into the armhole or hanging from an off-shoulder band."""

from __future__ import annotations

from random import Random

from lapel.synth.body import ARMPIT, Arm, Body
from lapel.synth.canvas import GARMENT, Canvas, hexa
from lapel.synth.fabric import Cloth
from lapel.synth.necklines import on_slope
from lapel.synth.shapes import Points, bezier, bow, cut, lerp, spline, tube, wave

REACH = {"cap": 46.0, "short": 96.0, "elbow": 164.0, "three-quarter": 232.0, "long": 306.0}
"""How far along the arm (310 units from shoulder to wrist) each length goes."""


def draw_sleeves(
    canvas: Canvas, body: Body, cloth: Cloth, length: str, rng: Random, ease: float, style: str, dropped: bool = False
) -> None:
    """Both sleeves.

    style: "set" (plain), "cuff" (buttoned cuff), "rib" (knitted cuff), "bell" (wide towards the hem).
    dropped: off the shoulder, so the sleeve begins on the upper arm.
    """
    for arm in body.arms:
        if length == "cap":
            _cap(canvas, body, cloth, arm, ease)
        else:
            _sleeve(canvas, body, cloth, arm, REACH[length], rng, ease, style, dropped)


def _cap(canvas: Canvas, body: Body, cloth: Cloth, arm: Arm, ease: float) -> None:
    """A small wing over the shoulder that leaves the arm bare from the armpit."""
    side = arm.side
    tip = on_slope(body, body.shoulder - 4)
    outer = (body.shoulder + 25, tip[1] + 40)
    under = (body.bust + ease - 2, ARMPIT - 14)
    half = [tip, *bezier(tip, (tip[0] + 18, tip[1] + 4), (outer[0] - 2, outer[1] - 16), outer, 7)[1:]]
    half += bow(outer, under, 7, 6)[1:]
    half.append((tip[0] - 14, tip[1] + 30))
    points = [(side * x, y) for x, y in half]
    cloth.piece(canvas, points, (GARMENT, "sleeve_length"))
    hem = [(side * x, y) for x, y in bow((outer[0] - 4, outer[1] - 7), (under[0] + 2, under[1] - 6), 7, 6)]
    canvas.line(hem, cloth.seam, 1.6, 0.8)


def _sleeve(
    canvas: Canvas,
    body: Body,
    cloth: Cloth,
    arm: Arm,
    reach: float,
    rng: Random,
    ease: float,
    style: str,
    dropped: bool,
) -> None:
    side = arm.side
    spine = cut(arm.spine(), reach)
    widths = _widths(reach, ease, style)
    left, right = tube(spine, widths)
    # On the right of the picture an arm that hangs has its outer edge on the left of its direction of travel.
    outer, inner = (left, right) if side > 0 else (right, left)
    if dropped:
        outer, inner = outer[4:], inner[4:]
        outline = [*outer, *inner[::-1]]
    else:
        tip = on_slope(body, body.shoulder - 8)
        keep_out = [p for i, p in enumerate(outer) if i >= 3]
        keep_in = [p for p in inner if p[1] > ARMPIT + 16 or abs(p[0]) > body.bust + 16] or [inner[-1]]
        crown = spline([(side * tip[0], tip[1]), (side * (body.shoulder + 8), tip[1] + 9), keep_out[0]], 4)
        pit = (side * (body.bust + ease - 8), ARMPIT + 4.0)
        outline = [*crown, *keep_out[1:], *keep_in[::-1], pit, (side * (body.bust - 12), 236)]
        outer, inner = keep_out, keep_in
    angle = _lean_of(arm)
    _mouth(canvas, cloth, outer[-1], inner[-1])
    cloth.piece(canvas, outline, (GARMENT, "sleeve_length"), angle)
    _creases(canvas, cloth, arm, outer, inner, reach, rng)
    _finish(canvas, cloth, outer, inner, style, reach)


def _widths(reach: float, ease: float, style: str) -> tuple[float, ...]:
    top, low = 27 + ease * 0.6, 18 + ease * 0.45
    if style == "bell":
        return (top, top - 2, top, top + 5, top + 14)
    if reach < 130:
        return (top, top + 1, top + 1)
    if reach < 200:
        return (top, top - 1, top - 3, top - 5)
    return (top, top - 2, (top + low) / 2 + 1, low + 2, low - 1 if reach > 250 else low + 1)


def _lean_of(arm: Arm) -> float:
    """The upper arm's angle as a turn of the print: a sleeve's stripes follow the sleeve."""
    dx, dy = arm.elbow[0] - arm.shoulder[0], arm.elbow[1] - arm.shoulder[1]
    return -57.3 * dx / (abs(dy) + abs(dx) * 0.35 + 1e-6)


def _mouth(canvas: Canvas, cloth: Cloth, a: tuple[float, float], b: tuple[float, float]) -> None:
    """The dark inner side seen at the sleeve's end."""
    bulge = 5 if a[0] > b[0] else -5
    canvas.shape([*bow(a, b, bulge, 6), *bow(b, a, bulge, 6)], hexa(cloth.inside()), ("inside",), cloth.line, 2)


def _creases(canvas: Canvas, cloth: Cloth, arm: Arm, outer: Points, inner: Points, reach: float, rng: Random) -> None:
    """Short folds across the sleeve, most of them at the elbow."""
    marks = [0.16, 0.5, 0.56] if reach > 200 else [0.3]
    for mark in marks:
        at = min(max(mark + rng.uniform(-0.05, 0.05), 0), 1)
        i, j = round(at * (len(inner) - 1)), round(at * (len(outer) - 1))
        start, far = inner[i], outer[j]
        end = lerp(start, far, rng.uniform(0.5, 0.8))
        end = (end[0], end[1] + rng.uniform(-10, 12))
        low = (start[0], start[1] + 7)
        cloth.fold(canvas, [start, *bow(start, end, 2, 5), *bow(end, low, 2, 5)], 0.9)
        cloth.glint(canvas, [low, *bow(low, end, 2, 5), *bow(end, (low[0], low[1] + 4), 2, 5)], 0.7)


def _finish(canvas: Canvas, cloth: Cloth, outer: Points, inner: Points, style: str, reach: float) -> None:
    """The hem: a stitched edge, a cuff or a ribbed end."""
    deep = {"rib": 20.0, "cuff": 24.0}.get(style, 8.0) if reach > 200 else 8.0
    steps = 8
    ends = []
    for edge in (outer, inner):
        back = cut(edge[::-1], deep)
        ends.append((back[0], back[-1]))
    (a, c), (b, d) = ends
    if deep < 10:
        cloth.stitch(canvas, [c, d])
        return
    low = [lerp(a, b, i / steps) for i in range(steps + 1)]
    high = [lerp(c, d, i / steps) for i in range(steps + 1)]
    cloth.piece(canvas, [*high, *low[::-1]], (GARMENT, "sleeve_length"))
    if style == "rib":
        cloth.rib(canvas, high, low, 6)
    else:
        x, y = lerp(lerp(a, b, 0.62), lerp(c, d, 0.62), 0.5)
        canvas.mark(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="#f2eee6" stroke="{cloth.line}" stroke-width="1.2"/>'
        )


def draw_off_shoulder_band(canvas: Canvas, body: Body, cloth: Cloth, rng: Random) -> None:
    """The frill of an off-shoulder neckline: from arm to arm below bare shoulders."""
    edge = []
    for arm in body.arms:
        x, y = cut(arm.spine(), 26)[-1]
        edge.append((x + arm.side * 30, y + 8))
    left, right = edge
    top = bezier(left, (left[0] * 0.5, 246), (right[0] * 0.5, 246), right, 24)
    drop = rng.uniform(44, 58)
    low = wave([(x * 1.05, y + drop + 4) for x, y in top], 4.5, 7, rng.uniform(0, 6))
    canvas.line([(x, y - 2) for x, y in top], "#1c0c10", 6, 0.2)
    cloth.piece(canvas, [*top, *low[::-1]], (GARMENT, "neckline_design"))
    canvas.line([(x, y + 7) for x, y in top], cloth.seam, 1.8, 0.8)
    for i in range(2, 24, 2):
        a, b = top[i], low[i]
        cloth.fold(canvas, [(a[0], a[1] + 8), (b[0] - 4, b[1]), (b[0] + 4, b[1])], 0.9)
    canvas.zone("neckline_design", [*top, (body.shoulder - 8, 204), (-body.shoulder + 8, 204)])
