"""Where the picture is taken from: scale, shift, a slight turn and shear, and the light over it all."""

from __future__ import annotations

import math
from random import Random

from lapel.synth.canvas import Canvas
from lapel.synth.rasterise import FRAME

Box = tuple[float, float, float, float]


def aim(rng: Random, box: Box, lean: float, flat: bool) -> tuple[str, float]:
    """An SVG transform that fits `box` (left, top, right, bottom in figure units) into the frame, and its scale."""
    left, top, right, bottom = box
    room = FRAME * rng.uniform(0.84, 0.96)
    scale = room / max(right - left, bottom - top)
    turn = rng.uniform(-9, 9) if flat else lean + rng.uniform(-1.5, 1.5)
    shear = rng.uniform(-0.05, 0.05)
    slack_x, slack_y = FRAME - (right - left) * scale, FRAME - (bottom - top) * scale
    x = FRAME / 2 + rng.uniform(-0.3, 0.3) * min(slack_x, 60)
    y = FRAME / 2 + rng.uniform(-0.35, 0.35) * min(slack_y, 40)
    squash = rng.uniform(0.95, 1.05)
    cos, sin = math.cos(math.radians(turn)) * scale, math.sin(math.radians(turn)) * scale
    a, b, c, d = cos * squash, sin * squash, -sin + shear * cos, cos + shear * sin
    mx, my = (left + right) / 2, (top + bottom) / 2
    e, f = x - a * mx - c * my, y - b * mx - d * my
    return f"matrix({a:.5f} {b:.5f} {c:.5f} {d:.5f} {e:.3f} {f:.3f})", scale


def place(transform: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of the figure lands in the frame."""
    a, b, c, d, e, f = (float(v) for v in transform[7:-1].split())
    return a * x + c * y + e, b * x + d * y + f


def light_scene(canvas: Canvas, rng: Random, light: int) -> None:
    """A weak gradient over the whole picture: lit from `light` (-1 left, +1 right), with darker corners."""
    name, corners = canvas.name("l"), canvas.name("v")
    x1, x2 = ("0", "1") if light < 0 else ("1", "0")
    warm = rng.choice(("#fff2d8", "#ffffff", "#e6f0ff"))
    lit, deep = rng.uniform(0.04, 0.13), rng.uniform(0.04, 0.14)
    canvas.define(
        f'<linearGradient id="{name}" x1="{x1}" x2="{x2}" y1="0" y2="{rng.uniform(0.2, 0.8):.2f}">'
        f'<stop offset="0" stop-color="{warm}" stop-opacity="{lit:.2f}"/>'
        f'<stop offset=".5" stop-color="{warm}" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="#0a0c1c" stop-opacity="{deep:.2f}"/></linearGradient>'
    )
    canvas.define(
        f'<radialGradient id="{corners}" r=".75"><stop offset=".6" stop-color="#000" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="#000" stop-opacity="{rng.uniform(0.05, 0.22):.2f}"/></radialGradient>'
    )
    for fill in (name, corners):
        canvas.front.append(f'<rect width="{FRAME}" height="{FRAME}" fill="url(#{fill})"/>')


def cast_shadow(canvas: Canvas, light: int) -> None:
    """The soft shadow of a garment that lies or hangs: its own outline, shifted away from the light."""
    shapes = "".join(canvas.silhouette)
    for shift, strength in ((14, 0.12), (7, 0.2)):
        canvas.under.append(
            f'<g transform="translate({-light * shift} {shift})" fill="#0a080c" stroke="#0a080c" stroke-width="5"'
            f' opacity="{strength}">{shapes}</g>'
        )
