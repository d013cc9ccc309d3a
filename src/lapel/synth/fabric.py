"""Cloth: a named colour, a pattern, a weave, and the shading that gives a flat outline a body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from lapel.synth.canvas import RGB, Canvas, hexa, mix
from lapel.synth.prints import tile
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

    line: colour of seams and outlines: darker than the cloth, lighter where the cloth is black.
    weave, pattern: ids of SVG patterns ("" for none). light: -1 or +1, where the light comes from.
    """

    base: RGB
    line: str
    seam: str
    weave: str = ""
    pattern: str = ""
    light: int = -1
    shade: str = ""

    @property
    def dark(self) -> bool:
        """Whether the cloth is so dark that lines on it must be light."""
        return _luma(self.base) < 70

    def overlays(self, canvas: Canvas, angle: float = 0.0) -> list[str]:
        """The translucent fills over the base colour, the print turned by `angle` degrees."""
        found = []
        if self.pattern:
            found.append(f"url(#{turned(canvas, self.pattern, angle)})")
        if self.weave:
            found.append(f"url(#{self.weave})")
        return [*found, f"url(#{self.shade})"]

    def piece(self, canvas: Canvas, points: Sequence[Point], tags: Iterable[str], angle: float = 0.0) -> None:
        """Draw one piece of this cloth."""
        canvas.shape(points, hexa(self.base), tags, self.overlays(canvas, angle), self.line, 2.4)

    def fold(self, canvas: Canvas, points: Sequence[Point], strength: float = 1.0) -> None:
        """A dark fold."""
        canvas.paint(points, "#000000" if not self.dark else "#000000", (0.3 if self.dark else 0.15) * strength)

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


def turned(canvas: Canvas, pattern: str, angle: float) -> str:
    """The id of `pattern` turned by `angle` degrees."""
    if abs(angle) < 0.5:
        return pattern
    name = canvas.name("t")
    canvas.define(f'<pattern id="{name}" href="#{pattern}" patternTransform="rotate({angle:.0f})"/>')
    return name


def make_cloth(
    canvas: Canvas, rng: Random, color: str, pattern: str, pixel: float, light: int, knit: bool = False
) -> Cloth:
    """A cloth of a named colour and pattern.

    pixel: figure units per pixel of a 256-pixel picture, so that prints and weave stay visible at any distance.
    """
    return cloth_of(canvas, rng, vary(PALETTE[color], rng, 5), pattern, pixel, light, knit)


def cloth_of(
    canvas: Canvas, rng: Random, base: RGB, pattern: str, pixel: float, light: int, knit: bool = False
) -> Cloth:
    """A cloth of any base colour; see `make_cloth`."""
    dark = _luma(base) < 70
    line = hexa(mix(base, BLACK, 0.62)) if not dark else hexa(mix(base, WHITE, 0.34))
    seam = hexa(mix(base, BLACK, 0.5)) if not dark else hexa(mix(base, WHITE, 0.42))
    printed = ""
    if pattern not in ("solid", "graphic"):
        printed = canvas.name("p")
        canvas.define(tile(printed, pattern, base, rng, pixel))
    return Cloth(base, line, seam, _weave(canvas, rng, pixel, dark, knit), printed, light, _shade(canvas, light, dark))


def _shade(canvas: Canvas, light: int, dark: bool) -> str:
    """A fill that rounds a piece: lit on one flank, in shadow on the other."""
    name = canvas.name("s")
    ends = ("0", "1") if light < 0 else ("1", "0")
    deep, lit = (0.5, 0.16) if dark else (0.34, 0.2)
    canvas.define(
        f'<linearGradient id="{name}" x1="{ends[0]}" x2="{ends[1]}" y1="0" y2=".18">'
        f'<stop offset="0" stop-color="#000" stop-opacity="{deep * 0.45:.2f}"/>'
        f'<stop offset=".14" stop-color="#fff" stop-opacity="0"/>'
        f'<stop offset=".32" stop-color="#fff" stop-opacity="{lit}"/>'
        f'<stop offset=".55" stop-color="#000" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="#000" stop-opacity="{deep}"/></linearGradient>'
    )
    return name


def _weave(canvas: Canvas, rng: Random, pixel: float, dark: bool, knit: bool) -> str:
    """A fine texture: knit, twill, plain or none."""
    kind = "knit" if knit else rng.choice(("twill", "plain", "rib", "none"))
    if kind == "none":
        return ""
    name = canvas.name("w")
    side = max(3.2 * pixel, 4.0) * (1.7 if knit else 1.0)
    ink, strength = ("#ffffff", 0.14) if dark else ("#000000", 0.13)
    drawn = {
        "knit": f"M0 0L{side / 2:.1f} {side / 2:.1f}L{side:.1f} 0",
        "twill": f"M0 {side:.1f}L{side:.1f} 0",
        "plain": f"M0 {side / 2:.1f}H{side:.1f}M{side / 2:.1f} 0V{side:.1f}",
        "rib": f"M{side / 2:.1f} 0V{side:.1f}",
    }[kind]
    canvas.define(
        f'<pattern id="{name}" width="{side:.1f}" height="{side:.1f}" patternUnits="userSpaceOnUse">'
        f'<path d="{drawn}" fill="none" stroke="{ink}" stroke-opacity="{strength}"'
        f' stroke-width="{side * 0.3:.1f}"/></pattern>'
    )
    return name
