"""Draws the head: face and hair, or the plain form of a mannequin."""

from __future__ import annotations

from lapel.synth.body import CHIN, Body
from lapel.synth.canvas import COVER, Canvas, hexa, mix
from lapel.synth.figure import DARK, edge_of
from lapel.synth.shapes import bezier, both, ellipse, flip, side_by_side, spline


def draw_back_hair(canvas: Canvas, body: Body) -> None:
    """Hair that hangs behind neck and shoulders."""
    if body.kind != "person" or body.style not in ("long", "bob", "curls"):
        return
    low = {"long": 232, "bob": 150, "curls": 176}[body.style]
    wide = {"long": 62, "bob": 58, "curls": 70}[body.style]
    half = spline(
        [(0, 2), (40, 14), (wide - 4, 60), (wide, 110), (wide - 4, low - 16), (wide - 22, low), (0, low - 4)], 4
    )
    canvas.shape(both(half), hexa(mix(body.hair, DARK, 0.3)), (), hexa(mix(body.hair, DARK, 0.6)))


def draw_head(canvas: Canvas, body: Body) -> None:
    """Face, ears and the hair in front; a plain form for a mannequin."""
    if body.kind == "mannequin":
        _mannequin_head(canvas, body)
        return
    edge = edge_of(body)
    skin = hexa(body.skin)
    for side in (-1, 1):
        canvas.shape(ellipse(side * 47, 78, 8, 14, 12), skin, (COVER,), edge)
    face = both(spline([(0, 12), (32, 20), (47, 58), (45, 92), (30, 122), (11, CHIN + 2), (0, CHIN + 3)], 4))
    canvas.shape(face, skin, (COVER,), edge, profile="skin")
    _features(canvas, body, edge)
    _front_hair(canvas, body)


def _mannequin_head(canvas: Canvas, body: Body) -> None:
    edge, skin = edge_of(body), hexa(body.skin)
    if body.style == "cap":
        canvas.shape(ellipse(0, CHIN - 20, body.neck - 1, 9), hexa(mix(body.skin, DARK, 0.25)), (COVER,), edge)
        return
    egg = both(spline([(0, 10), (34, 22), (46, 62), (36, 108), (14, CHIN + 2), (0, CHIN + 3)], 4))
    canvas.shape(egg, skin, (COVER,), edge, profile="skin")
    canvas.line([(0, 66), (4, 84), (0, 87)], edge, 2, 0.5)


def _features(canvas: Canvas, body: Body, edge: str) -> None:
    brow = hexa(mix(body.hair, DARK, 0.3))
    for side in (-1, 1):
        canvas.line(side_by_side(bezier((10, 62), (16, 56), (26, 56), (32, 61), 5), side), brow, 3.2)
        canvas.paint(side_by_side([*bezier((11, 74), (16, 67), (25, 67), (31, 74), 5), (21, 79)], side), "#fbf8f4")
        canvas.paint(ellipse(side * 21, 73.5, 4.6, 4.8, 10), "#3a2a22")
        canvas.line(side_by_side(bezier((10, 74), (16, 67), (25, 67), (32, 73), 5), side), "#241a1a", 2.4)
        canvas.paint(ellipse(side * 28, 94, 9, 6, 12), "#d8606a", 0.16)
    canvas.line([(1, 72), (5, 91), (-3, 94)], edge, 2, 0.75)
    lip = hexa(mix(mix(body.skin, (190, 50, 66), 0.55), DARK, 0.1))
    canvas.paint([(-14, 108), (-5, 104), (0, 106), (5, 104), (14, 108), (6, 114), (-6, 114)], lip)
    canvas.line([(-14, 108), (0, 109), (14, 108)], hexa(mix(body.skin, DARK, 0.6)), 1.4)


def _front_hair(canvas: Canvas, body: Body) -> None:
    fill, line = hexa(body.hair), hexa(mix(body.hair, DARK, 0.5))
    if body.style == "bun":
        canvas.shape(ellipse(0, -14, 25, 22), fill, (COVER,), line)
    if body.style == "short":
        lock = [
            (-50, 74),
            (-54, 40),
            (-34, 2),
            (4, -8),
            (40, 4),
            (54, 42),
            (50, 74),
            (45, 52),
            (34, 34),
            (4, 40),
            (-26, 30),
            (-44, 52),
        ]
    elif body.style == "crop":
        lock = [
            (-49, 66),
            (-50, 34),
            (-28, 4),
            (0, -2),
            (28, 4),
            (50, 34),
            (49, 66),
            (44, 46),
            (24, 28),
            (0, 25),
            (-24, 28),
            (-44, 46),
        ]
    elif body.style == "bun":
        lock = [
            (-49, 66),
            (-49, 30),
            (-26, 4),
            (0, 0),
            (26, 4),
            (49, 30),
            (49, 66),
            (42, 40),
            (20, 28),
            (0, 32),
            (-20, 28),
            (-42, 40),
        ]
    else:
        lock = [
            (-56, 116),
            (-58, 50),
            (-36, 4),
            (0, -6),
            (36, 4),
            (58, 50),
            (56, 116),
            (46, 92),
            (42, 52),
            (10, 24),
            (-14, 30),
            (-42, 56),
            (-46, 92),
        ]
    outline = spline([*lock, lock[0]], 4)
    canvas.shape(outline, fill, (COVER,), line)
    shine = hexa(mix(body.hair, (255, 255, 255), 0.35))
    canvas.line(bezier((-34, 26), (-22, 10), (-6, 5), (8, 6), 6), shine, 3.4, 0.6)
    canvas.line(flip(bezier((-40, 34), (-30, 18), (-22, 12), (-14, 10), 6)), shine, 2.4, 0.4)
