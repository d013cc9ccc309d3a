"""Draws the body below the head: legs and shoes, torso and arms."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lapel.synth.body import ANKLE, CHIN, CROTCH, FLOOR, HIP, KNEE, NECK, SHOULDER, WAIST, Arm, Body
from lapel.synth.canvas import RGB, Canvas, hexa, mix
from lapel.synth.shapes import Points, bezier, both, side_by_side, spline, tube

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
