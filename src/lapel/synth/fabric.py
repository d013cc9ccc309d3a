"""Cloth: a named colour, a pattern, a weave, and the shading that gives a flat outline a body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from lapel.synth.canvas import RGB, Canvas, hexa, mix
from lapel.synth.light import WEAVES
from lapel.synth.prints import Print, make_print
from lapel.synth.shapes import Point

BLACK: RGB = (12, 10, 14)
WHITE: RGB = (255, 255, 255)

PALETTE: dict[str, RGB] = {
    "black": (34, 33, 37),
    "white": (243, 242, 238),
    "grey": (142, 144, 148),
    "red": (198, 28, 38),
    "orange": (240, 122, 28),
    "yellow": (246, 208, 52),
    "green": (44, 138, 70),
    "blue": (42, 92, 192),
    "purple": (116, 56, 164),
    "pink": (246, 152, 188),
    "brown": (112, 70, 40),
}
"""The middle of each named colour; a garment's own colour lies close to it."""


@dataclass(frozen=True)
class Cloth:
    """One fabric on one canvas.

    line, seam: colours of outlines and seams: darker than the cloth, lighter where the cloth is black.
    weave: see `light.WEAVES`. light: -1 or +1, where the light comes from.
    """

    base: RGB
    line: str
    seam: str
    light: int
    weave: str = "smooth"
    printed: Print | None = None

    @property
    def dark(self) -> bool:
        """Whether the cloth is so dark that lines on it must be light."""
        return _luma(self.base) < 70

    def plain(self, change: float) -> Cloth:
        """The same cloth without its print; change > 0 lightens it, < 0 darkens it, so that it stands out."""
        base = mix(self.base, WHITE if change > 0 else BLACK, abs(change))
        return replace(self, base=base, printed=None)

    def piece(self, canvas: Canvas, points: Sequence[Point], tags: Iterable[str], angle: float = 0.0) -> None:
        """Draw one piece of this cloth, its print turned by `angle` degrees."""
        inlay = self.printed.draw(points, angle) if self.printed else []
        profile = "dark" if self.dark else "cloth"
        canvas.shape(points, hexa(self.base), tags, self.line, 2.4, profile, angle, inlay)

    def fold(self, canvas: Canvas, points: Sequence[Point], strength: float = 1.0) -> None:
        """A dark fold."""
        canvas.paint(points, "#000000", (0.3 if self.dark else 0.15) * strength)

    def glint(self, canvas: Canvas, points: Sequence[Point], strength: float = 1.0) -> None:
        """A lit ridge beside a fold."""
        canvas.paint(points, "#ffffff", (0.10 if self.dark else 0.2) * strength)

    def stitch(self, canvas: Canvas, points: Sequence[Point], dash: str = "5 4") -> None:
        """A stitched seam."""
        canvas.line(points, self.seam, 1.6, 0.75, dash)

    def rib(self, canvas: Canvas, a: Sequence[Point], b: Sequence[Point], count: int) -> None:
        """`count` rib lines between two edges that run the same way."""
        for i in range(1, count):
            t = i / count
            p, q = a[round(t * (len(a) - 1))], b[round(t * (len(b) - 1))]
            canvas.line([p, q], self.seam, 2.0, 0.55)

    def inside(self) -> RGB:
        """The colour of the inner side, in shadow."""
        return mix(self.base, BLACK, 0.45) if not self.dark else mix(self.base, WHITE, 0.16)


def _luma(color: RGB) -> float:
    return 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]


def vary(color: RGB, rng: Random, amount: float = 9.0) -> RGB:
    """A colour close to `color`."""
    gain = rng.uniform(0.95, 1.05)
    r, g, b = (min(250.0, max(14.0, c * gain + rng.uniform(-amount, amount))) for c in color)
    return (r, g, b)


def make_cloth(rng: Random, color: str, pattern: str, pixel: float, light: int, knit: bool = False) -> Cloth:
    """A cloth of a named colour and pattern.

    pixel: figure units per pixel of a 256-pixel picture, so that prints and weave stay visible at any distance.
    """
    return cloth_of(rng, vary(PALETTE[color], rng, 5), pattern, pixel, light, knit)


def cloth_of(rng: Random, base: RGB, pattern: str, pixel: float, light: int, knit: bool = False) -> Cloth:
    """A cloth of any base colour; see `make_cloth`."""
    dark = _luma(base) < 70
    line = hexa(mix(base, BLACK, 0.62)) if not dark else hexa(mix(base, WHITE, 0.34))
    seam = hexa(mix(base, BLACK, 0.5)) if not dark else hexa(mix(base, WHITE, 0.42))
    weave = "knit" if knit else rng.choice(WEAVES)
    printed = make_print(pattern, base, rng, pixel) if pattern not in ("solid", "graphic") else None
    return Cloth(base, line, seam, light, weave, printed)
