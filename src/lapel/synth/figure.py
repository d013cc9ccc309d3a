"""Draws the body: legs and shoes, torso and arms, head and hair."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lapel.synth.body import ANKLE, CHIN, CROTCH, FLOOR, HIP, KNEE, NECK, SHOULDER, WAIST, Arm, Body
from lapel.synth.canvas import COVER, RGB, Canvas, hexa, mix
from lapel.synth.shapes import Points, bezier, both, ellipse, flip, side_by_side, spline, tube

DARK: RGB = (20, 12, 16)


@dataclass(frozen=True)
class Bare:
    """What clothes leave to be seen; the rest is not drawn, for hidden outlines cost as much as others.

    legs: height from which the legs show. arms: units from the shoulder at which the arms begin to show.
    """

    legs: float = HIP
    arms: float = 0.0


def edge_of(body: Body) -> str:
    """The outline colour of the skin."""
    return hexa(mix(body.skin, DARK, 0.42))


def leg_spine(body: Body, side: int) -> Points:
    """The middle line of one leg from hip to ankle."""
    s = body.stance
    return side_by_side(spline([(44, CROTCH - 22), (46 + s * 0.5, KNEE), (41 + s, ANKLE)], steps=8), side)


def draw_legs(canvas: Canvas, body: Body, bare: Bare) -> None:
    """Both legs, as far as they show, and their shoes."""
    edge = edge_of(body)
    for side in (-1, 1):
        spine = leg_spine(body, side)
        left, right = tube(spine, (45, 42, 37, 31, 29, 31, 27, 19, 14))
        first = sum(y < bare.legs for _, y in spine[:-1]) - 1
        left, right = left[max(first, 0) :], right[max(first, 0) :]
        end = spine[-1]
        canvas.shape([*left, (end[0], FLOOR - 12), *right[::-1]], hexa(body.skin), ("skin",), edge, profile="skin")
        if bare.legs < KNEE:
            x, y = spine[8][0], KNEE + 4
            canvas.line([(x - 9, y + 5), (x, y + 9), (x + 9, y + 5)], edge, 2, 0.5)
        _shoe(canvas, body, side, end[0])


def _shoe(canvas: Canvas, body: Body, side: int, x: float) -> None:
    color = body.shoe_color
    line = hexa(mix(color, DARK if sum(color) > 240 else (255, 255, 255), 0.4))
    top = {"sneaker": ANKLE - 2, "flat": ANKLE + 15, "pump": ANKLE + 17}[body.shoe]
    half = spline([(0, top + 4), (13, top), (19, ANKLE + 18), (22, FLOOR - 8), (15, FLOOR + 3), (0, FLOOR + 5)], 4)
    outline = [(x + side * 3 + px, py) for px, py in both(half)]
    canvas.shape(outline, hexa(color), ("shoe",), line, 2.2)
    if body.shoe == "sneaker":
        sole = [
            (x + side * 3 + px, py) for px, py in ((-22, FLOOR - 6), (22, FLOOR - 6), (18, FLOOR + 5), (-18, FLOOR + 5))
        ]
        canvas.shape(sole, "#eceae4", ("shoe",), line, 1.6)
        for y in (ANKLE + 8, ANKLE + 16, ANKLE + 24):
            canvas.line([(x + side * 3 - 7, y), (x + side * 3 + 7, y)], line, 2.2)


def draw_torso(canvas: Canvas, body: Body, bare: Bare) -> None:
    """Neck and chest as far down as the deepest neckline, then both arms over them."""
    neck = body.neck
    half: Points = [(0.0, CHIN - 22), (neck - 2, CHIN - 22), (neck - 2, NECK - 14)]
    half += bezier(
        (neck - 1, NECK - 12),
        (neck + 2, NECK + 8),
        (body.shoulder - 22, SHOULDER - 12),
        (body.shoulder, SHOULDER + 4),
        8,
    )
    half += [(body.bust + 3, 250), *body.flank(0, WAIST)]
    edge = edge_of(body)
    canvas.shape(both(half), hexa(body.skin), ("skin",), edge, profile="skin")
    dark = hexa(mix(body.skin, DARK, 0.5))
    under_chin: Points = [(0, CHIN + 18), (neck - 3, CHIN + 2), (neck - 2, CHIN - 12), (0, CHIN - 14)]
    canvas.paint(both(under_chin), dark, 0.35)
    for side in (-1, 1):  # collar bones, then the chest
        bone = side_by_side(bezier((9.0, NECK + 22.0), (24, NECK + 12), (50, NECK + 22), (72, NECK + 17), 6), side)
        canvas.line(bone, dark, 2.2, 0.4)
        canvas.line(side_by_side(bezier((66, 245), (60, 285), (30, 292), (8, 276), 6), side), dark, 2.2, 0.22)
    for arm in body.arms:
        _arm(canvas, body, arm, edge, bare.arms)


def _arm(canvas: Canvas, body: Body, arm: Arm, edge: str, start: float) -> None:
    spine = arm.spine()
    left, right = tube(spine, (24, 24, 22, 19, 19, 16, 12))
    angle = math.atan2(arm.wrist[1] - arm.elbow[1], arm.wrist[0] - arm.elbow[0])
    canvas.shape(_hand(arm, angle), hexa(body.skin), ("skin",), edge)
    first = int(start / 310 * (len(spine) - 1))
    if first >= len(spine) - 3:
        return
    left, right = left[first:], right[first:]
    canvas.shape([*left, *right[::-1]], hexa(body.skin), ("skin",), profile="skin", angle=math.degrees(angle) - 90)
    canvas.line(left[2:], edge, 2)
    canvas.line(right[2:], edge, 2)


def _hand(arm: Arm, angle: float) -> Points:
    """A loose hand: four fingers together and a thumb on the inner side."""
    palm = spline(
        [
            (-6, -11),
            (14, -13),
            (20, -25),
            (34, -26),
            (33, -17),
            (36, -13),
            (58, -9),
            (64, -2),
            (58, 6),
            (34, 12),
            (10, 12),
            (-6, 10),
        ],
        4,
    )
    cos, sin = math.cos(angle), math.sin(angle)
    turn = -arm.side
    x, y = arm.wrist
    return [(x + px * cos - turn * py * sin, y + px * sin + turn * py * cos) for px, py in palm]


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
