"""The upper part of a top, shirt, sweater, dress or jumpsuit."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from lapel.synth.body import ARMPIT, HIP, NECK, WAIST, Body
from lapel.synth.canvas import GARMENT, Canvas, hexa
from lapel.synth.fabric import Cloth
from lapel.synth.necklines import armhole, mark_opening, on_slope, top_edge
from lapel.synth.shapes import Points, bezier, bow, flip, lerp, wave


@dataclass(frozen=True)
class Cut:
    """How the upper part is made.

    hem: height of its lower edge. ease: how much wider than the body.
    """

    neckline: str
    sleeveless: bool
    hem: float
    ease: float
    waisted: bool


def make_cut(rng: Random, neckline: str, sleeveless: bool, joined: bool, loose: bool) -> Cut:
    """A random cut; `joined` to a skirt or trousers at the waist, or with a hem of its own."""
    if joined:
        return Cut(neckline, sleeveless, WAIST + 6, rng.uniform(3, 6), True)
    hem = rng.uniform(HIP - 22, HIP + 22)
    return Cut(neckline, sleeveless, hem, rng.uniform(10, 15) if loose else rng.uniform(4, 11), rng.random() < 0.4)


def side_line(body: Body, cut: Cut) -> Points:
    """The right side seam from armpit to hem."""
    if cut.waisted:
        line = body.flank(cut.ease, cut.hem - 2)
    else:
        wide = max(body.bust, body.hip) + cut.ease
        line = bezier(
            (body.bust + cut.ease, ARMPIT), (body.bust + cut.ease - 4, 330), (wide - 8, 400), (wide, cut.hem), 10
        )
    return [*line, (line[-1][0] if line[-1][1] > WAIST - 30 else body.waist + cut.ease, cut.hem)]


def outline(body: Body, cut: Cut) -> tuple[Points, Points, Points, Points]:
    """The closed outline, the right and left half of its top edge, and the right armhole."""
    right, left = top_edge(body, cut.neckline)
    halves = []
    holes = []
    for edge, side in ((right, 1), (left, -1)):
        own = edge if side > 0 else flip(edge)
        hole = armhole(body, own[-1], cut.sleeveless, cut.ease)
        seam = side_line(body, cut)
        hem = bow(seam[-1], (0, cut.hem + 5), -3, 6)
        halves.append([*own, *hole, *seam[1:], *hem[1:]])
        holes.append(hole)
    whole = [*halves[0], *flip(halves[1])[::-1]]
    return whole, right, left, holes[0]


def draw_inside(canvas: Canvas, body: Body, cloth: Cloth, cut: Cut) -> None:
    """The inner side of the back, seen through the neckline of a garment that nobody fills."""
    right, left = top_edge(body, cut.neckline)
    edge = [*left[::-1], *right[1:]]
    fill = hexa(cloth.inside())
    if cut.neckline in ("strapless", "straight", "off-shoulder", "one-shoulder"):
        back = bow(edge[-1], edge[0], 0.5 if cut.neckline == "one-shoulder" else -14, 10)
    else:
        back = bezier(edge[-1], (26, NECK + 20), (-26, NECK + 20), edge[0], 10)
    canvas.shape([*edge, *back], fill, ("inside",), cloth.line, 2.2)
    canvas.line([(x, y + 7) for x, y in back], cloth.line, 1.6, 0.7)
    if cut.neckline in ("round", "v", "deep-v", "square", "sweetheart") and not body.worn:
        middle = back[len(back) // 2]
        tag = [(-8, middle[1] + 4), (8, middle[1] + 4), (8, middle[1] + 18), (-8, middle[1] + 18)]
        canvas.shape(tag, "#f4f1ea", ("inside",), "#8a8580", 1.2)


def draw_bodice(canvas: Canvas, body: Body, cloth: Cloth, cut: Cut, rng: Random, mark: bool) -> None:
    """The piece with its seams and folds; `mark` the neckline's zone when the neckline is what counts."""
    whole, right, left, hole = outline(body, cut)
    edge = [*left[::-1], *right[1:]]
    if body.worn and mark:
        # The cloth's shadow on the skin makes the cut stand out.
        canvas.line([(x, y - 2) for x, y in edge], "#1c0c10", 7, 0.16)
    if cut.neckline == "straight":
        _straps(canvas, body, cloth)
    cloth.piece(canvas, whole, (GARMENT,))
    if mark:
        canvas.line([(x * 0.985, y + 6) for x, y in edge], cloth.seam, 1.7, 0.8)
        mark_opening(canvas, body, right, left)
    if cut.sleeveless:
        _bind_armholes(canvas, cloth, hole, cut, both_sides=cut.neckline != "one-shoulder")
    _folds(canvas, body, cloth, cut, rng)


def _straps(canvas: Canvas, body: Body, cloth: Cloth) -> None:
    for side in (-1, 1):
        top = on_slope(body, 50)
        strap = [(side * 46, 244), (side * (top[0] - 4), top[1]), (side * (top[0] + 4), top[1]), (side * 55, 244)]
        canvas.shape(strap, hexa(cloth.base), (GARMENT, "neckline_design"), cloth.line, 1.8)


def _bind_armholes(canvas: Canvas, cloth: Cloth, hole: Points, cut: Cut, both_sides: bool) -> None:
    """The bound edge of a sleeveless armhole, and the zone that shows there is no sleeve."""
    for side in (-1, 1):
        line = hole if side > 0 else flip(hole)
        if side > 0 or both_sides:
            canvas.line([(x - side * 5, y + 1) for x, y in line], cloth.seam, 1.7, 0.8)
        if len(hole) > 9 and (side > 0 or both_sides):
            canvas.zone("sleeve_length", line, 34, closed=False)
        else:  # bare shoulders: the place where a sleeve would begin
            canvas.zone("sleeve_length", [(side * 94, 205), (side * 96, 240), line[-1]], 40, closed=False)


def _folds(canvas: Canvas, body: Body, cloth: Cloth, cut: Cut, rng: Random) -> None:
    """Drag lines from the armpits, and creases above the waist or hem."""
    for side in (-1, 1):
        x = side * (body.bust + cut.ease - 6)
        for _ in range(2):
            y = ARMPIT + rng.uniform(12, 40)
            tip = (side * rng.uniform(18, 40), y + rng.uniform(14, 50))
            cloth.fold(canvas, [(x, y), *bow((x - side * 4, y + 7), tip, side * 3, 5)])
        low = cut.hem - rng.uniform(14, 40)
        start = side * (body.waist + cut.ease - 8)
        tip = (side * rng.uniform(4, 26), low - rng.uniform(-10, 30))
        cloth.fold(canvas, [(start, low - 16), *bow((start, low - 6), tip, side * 4, 5)], 0.9)
        cloth.glint(canvas, [(start, low - 4), *bow((start, low + 3), tip, side * 4, 5)], 0.7)
    bust = rng.uniform(286, 296)
    for side in (-1, 1):
        cloth.fold(canvas, [*bow((side * 16, bust), (side * 68, bust - 10), side * 11, 6), (side * 44, bust + 3)], 0.3)


def draw_hem(canvas: Canvas, body: Body, cloth: Cloth, cut: Cut, ribbed: bool) -> None:
    """The finished lower edge: a stitched hem, or a ribbed band on knitwear."""
    seam = side_line(body, cut)
    end = seam[-1]
    low = [*bow((-end[0], end[1]), (end[0], end[1]), -7, 14)]
    rise = 22 if ribbed else 9
    high = [(x, y - rise) for x, y in low]
    if not ribbed:
        cloth.stitch(canvas, high)
        return
    inner = end[0] - 6
    band_low = [*bow((-inner, end[1] + 6), (inner, end[1] + 6), -6, 14)]
    cloth.piece(canvas, [*high, *band_low[::-1]], (GARMENT,))
    cloth.rib(canvas, wave(high, 0, 1), band_low, 22)


def draw_front(canvas: Canvas, cloth: Cloth, top: float, bottom: float, buttons: int, color: str) -> None:
    """A buttoned front: the overlap and its buttons."""
    for edge in (-9.0, 9.0):
        canvas.line([(edge, top), (edge, bottom)], cloth.seam, 1.6, 0.8)
    for i in range(buttons):
        x, y = lerp((0, top + 16), (0, bottom - 18), i / max(buttons - 1, 1))
        canvas.mark(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6" fill="{color}" stroke="{cloth.line}" stroke-width="1.4"/>'
        )
