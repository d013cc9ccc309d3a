"""Where the picture is taken from: scale, shift, a slight turn and shear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

FRAME = 256
"""The picture's side in the units of the camera; the size in pixels is free."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Camera:
    """An affine map from figure units to the frame: x' = a x + c y + e, y' = b x + d y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @property
    def svg(self) -> str:
        """The map as an SVG transform."""
        return f"matrix({self.a:.5f} {self.b:.5f} {self.c:.5f} {self.d:.5f} {self.e:.3f} {self.f:.3f})"

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the figure lands in the frame."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def pull(self, axis: tuple[float, float, float], pixel: float) -> tuple[float, float, float]:
        """The linear form `axis` over figure units, as one over pixels of `pixel` frame units each."""
        turn = self.a * self.d - self.b * self.c
        p = (axis[0] * self.d - axis[1] * self.b) / turn
        q = (axis[1] * self.a - axis[0] * self.c) / turn
        return p * pixel, q * pixel, axis[2] - p * self.e - q * self.f


def aim(rng: Random, box: Box, lean: float, flat: bool) -> Camera:
    """A camera that fits `box` (left, top, right, bottom in figure units) into the frame."""
    left, top, right, bottom = box
    room = FRAME * rng.uniform(0.84, 0.96)
    scale = room / max(right - left, bottom - top)
    turn = math.radians(rng.uniform(-9, 9) if flat else lean + rng.uniform(-1.5, 1.5))
    shear = rng.uniform(-0.05, 0.05)
    slack_x, slack_y = FRAME - (right - left) * scale, FRAME - (bottom - top) * scale
    x = FRAME / 2 + rng.uniform(-0.3, 0.3) * min(slack_x, 60)
    y = FRAME / 2 + rng.uniform(-0.35, 0.35) * min(slack_y, 40)
    squash = rng.uniform(0.95, 1.05)
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    a, b, c, d = cos * squash, sin * squash, -sin + shear * cos, cos + shear * sin
    mx, my = (left + right) / 2, (top + bottom) / 2
    return Camera(a, b, c, d, x - a * mx - c * my, y - b * mx - d * my)
