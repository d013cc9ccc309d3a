"""Printed patterns, laid into each piece of cloth by geometry.

A print knows its own plane: a piece's outline is turned into that plane, cut along the print's lines, and turned back.
SVG's own pattern fills would do the same, but resampling a turned tile costs more than all the rest of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from lapel.synth.canvas import RGB, hexa, mix
from lapel.synth.shapes import Point, Points, write

PETALS: tuple[RGB, ...] = (
    (244, 120, 150),
    (250, 220, 90),
    (250, 250, 246),
    (230, 70, 70),
    (150, 110, 210),
    (250, 160, 70),
)
_LEAVES: tuple[RGB, ...] = ((40, 110, 60), (190, 220, 150))


def contrast(base: RGB, rng: Random) -> RGB:
    """An ink that stands out from `base`: nearly white or nearly black, so that the ground names the colour."""
    luma = 0.3 * base[0] + 0.59 * base[1] + 0.11 * base[2]
    if luma < 150:
        return (248, 246, 240)
    if luma > 225:
        return rng.choice(((28, 28, 34), (30, 46, 104), (150, 26, 36)))
    return rng.choice(((26, 24, 32), (250, 248, 244))) if luma < 180 else (30, 28, 38)


@dataclass(frozen=True)
class Print:
    """One repeating print. period, thick: figure units. angle: its own turn in degrees."""

    kind: str
    inks: tuple[RGB, ...]
    period: float
    thick: float
    angle: float

    def draw(self, outline: Sequence[Point], angle: float) -> list[str]:
        """The print inside `outline`, turned by `angle` degrees with its piece, as SVG paths."""
        turn = math.radians(self.angle + angle)
        plane = _turn(outline, -turn)
        draw = {"stripe": self._stripe, "dots": self._dots, "plaid": self._plaid, "floral": self._floral}[self.kind]
        return draw(plane, turn)

    def _stripe(self, plane: Points, turn: float) -> list[str]:
        return [_paths(_bands(plane, self.period, 0.0, self.thick), turn, self.inks[0])]

    def _plaid(self, plane: Points, turn: float) -> list[str]:
        """Broad dark bands both ways and thin bright lines between them."""
        found = []
        across = _turn(plane, -math.pi / 2)
        ways = ((plane, turn), (across, turn + math.pi / 2))
        for outline, back in ways:
            found.append(_paths(_bands(outline, self.period, 0.0, self.thick), back, self.inks[1], 0.45))
        for outline, back in ways:
            thin = _bands(outline, self.period, self.period * 0.64, self.period * 0.08)
            found.append(_paths(thin, back, self.inks[0], 0.92))
        return found

    def _dots(self, plane: Points, turn: float) -> list[str]:
        r = self.thick
        spots = [_ring(x, y, r, 12) for x, y in _lattice(plane, self.period, r * 0.95)]
        return [_paths(spots, turn, self.inks[0])]

    def _floral(self, plane: Points, turn: float) -> list[str]:
        """Flowers of two sizes with leaves, at the points of a lattice."""
        big: list[Points] = []
        small: list[Points] = []
        first: list[Points] = []
        second: list[Points] = []
        leaves: list[Points] = []
        for x, y in _lattice(plane, self.period, self.thick * 0.8):
            key = math.sin(x * 12.9898 + y * 78.233) * 43758.5453  # a fixed, well mixed number for each place
            at = (key - math.floor(key)) * 6.2832
            r = self.thick
            for way in (at, at + 2.4):
                leaves.append(_leaf(x + 1.2 * r * math.cos(way), y + 1.2 * r * math.sin(way), 0.55 * r, way))
            odd = round((x + y) / self.period) % 2
            r *= 0.78 if odd else 1.0
            (small if odd else big).append(_flower(x, y, r, at))
            (second if odd else first).append(_ring(x, y, r * 0.3, 8))
        edge = hexa((70, 30, 40))
        petal, other, leaf, heart = self.inks
        return [
            _paths(leaves, turn, leaf),
            _paths(big, turn, petal, 1.0, edge, self.thick * 0.07),
            _paths(small, turn, other, 1.0, edge, self.thick * 0.07),
            _paths(first, turn, heart),
            _paths(second, turn, mix(heart, (120, 40, 30), 0.5)),
        ]


def make_print(kind: str, base: RGB, rng: Random, pixel: float) -> Print:
    """A random stripe, dots, plaid or floral print; `pixel` is the size of a pixel in figure units."""
    ink = contrast(base, rng)
    if kind == "stripe":
        period = rng.uniform(9, 13) * pixel
        return Print(kind, (ink,), period, period * rng.uniform(0.26, 0.36), rng.choice((0, 0, 90, 90, 38)))
    if kind == "dots":
        period = rng.uniform(10.5, 14) * pixel
        return Print(kind, (ink,), period, period * rng.uniform(0.21, 0.26), rng.uniform(-4, 4))
    if kind == "plaid":
        period = rng.uniform(20, 26) * pixel
        # The bands must not turn black cloth grey, nor white cloth.
        band = (
            mix(base, ink, 0.22) if sum(base) < 160 else mix(base, (18.0, 14.0, 24.0), 0.45 if sum(base) > 600 else 0.8)
        )
        return Print(kind, (ink, band), period, period * 0.33, rng.choice((0, 0, 45)))
    first, second = rng.sample([p for p in PETALS if math.dist(p, base) > 110], 2)
    leaf = max(_LEAVES, key=lambda c: math.dist(c, base))
    heart: RGB = (250, 206, 60) if math.dist(first, (250, 206, 60)) > 90 else (150, 60, 40)
    period = rng.uniform(17, 21) * pixel
    return Print(kind, (first, second, leaf, heart), period, period * 0.36, rng.uniform(-6, 6))


def _turn(points: Sequence[Point], angle: float) -> Points:
    cos, sin = math.cos(angle), math.sin(angle)
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]


def _paths(
    shapes: Sequence[Points], turn: float, fill: RGB, opacity: float = 1.0, line: str = "", width: float = 0.0
) -> str:
    """All shapes as one path, turned back from the print's plane."""
    data = "".join([write(_turn(shape, turn)) for shape in shapes])
    edge = f' stroke="{line}" stroke-width="{width:.1f}"' if line else ""
    return f'<path d="{data}" fill="{hexa(fill)}" fill-opacity="{opacity:.2f}"{edge}/>' if data else ""


def _crossings(outline: Points, levels: Sequence[float]) -> list[list[float]]:
    """Where the outline crosses each height of the even ladder `levels`, from left to right."""
    found: list[list[float]] = [[] for _ in levels]
    if len(levels) < 1:
        return found
    start = levels[0]
    step = levels[1] - start if len(levels) > 1 else 1.0
    for (ax, ay), (bx, by) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if ay == by:
            continue
        if ay > by:
            ax, ay, bx, by = bx, by, ax, ay
        first = max(math.ceil((ay - start) / step), 0)
        last = min(math.ceil((by - start) / step), len(levels))
        slope = (bx - ax) / (by - ay)
        for i in range(first, last):
            found[i].append(ax + (levels[i] - ay) * slope)
    for row in found:
        row.sort()
    return found


def _ladder(outline: Points, period: float, shift: float) -> list[float]:
    low, high = min(y for _, y in outline), max(y for _, y in outline)
    first = math.floor((low - shift) / period)
    return [shift + i * period for i in range(first, math.ceil((high - shift) / period) + 1)]


def _bands(outline: Points, period: float, shift: float, thick: float) -> list[Points]:
    """The parts of the outline within bands of height `thick`, one band each `period`."""
    parts = 3  # a band is cut into this many slices, so that its ends follow a slanted or curved edge
    ladder = _ladder(outline, period, shift)
    rows = [_crossings(outline, [y + thick * i / parts for y in ladder]) for i in range(parts + 1)]
    found: list[Points] = []
    for k, y in enumerate(ladder):
        for i in range(parts):
            high, low = rows[i][k], rows[i + 1][k]
            top, bottom = y + thick * i / parts, y + thick * (i + 1) / parts
            if len(high) != len(low):  # the outline begins or ends within this slice
                longer = high if len(high) > len(low) else low
                high = low = longer
            for a, b, c, d in zip(high[::2], high[1::2], low[::2], low[1::2], strict=True):
                found.append([(a, top - 0.05), (b, top - 0.05), (d, bottom + 0.05), (c, bottom + 0.05)])
    return found


def _lattice(outline: Points, period: float, margin: float) -> Iterator[Point]:
    """Points of a diamond lattice whose surroundings of radius `margin` lie inside the outline."""
    half = period * 0.5
    ladder = _ladder(outline, period * 0.8, 0.0)
    step = period * 0.8
    spans = [_crossings(outline, [y + way for y in ladder]) for way in (-margin * 0.8, 0.0, margin * 0.8)]
    for k, y in enumerate(ladder):
        shift = half if round(y / step) % 2 else 0.0
        for a, b in zip(spans[1][k][::2], spans[1][k][1::2], strict=True):
            i = math.ceil((a + margin - shift) / period)
            while (x := shift + i * period) <= b - margin:
                if _within(x, spans[0][k], margin * 0.5) and _within(x, spans[2][k], margin * 0.5):
                    yield x, y
                i += 1


def _within(x: float, row: list[float], margin: float) -> bool:
    return any(a + margin <= x <= b - margin for a, b in zip(row[::2], row[1::2], strict=True))


def _ring(x: float, y: float, r: float, steps: int) -> Points:
    turn = 2 * math.pi / steps
    return [(x + r * math.cos(turn * i), y + r * math.sin(turn * i)) for i in range(steps)]


def _flower(x: float, y: float, r: float, turn: float) -> Points:
    """Five round petals as one outline."""
    found = []
    for i in range(25):
        angle = 2 * math.pi * i / 25
        reach = r * (0.5 + 0.5 * abs(math.sin(2.5 * angle)) ** 0.6)
        found.append((x + reach * math.cos(angle + turn), y + reach * math.sin(angle + turn)))
    return found


def _leaf(x: float, y: float, r: float, turn: float) -> Points:
    cos, sin = math.cos(turn), math.sin(turn)
    shape = ((-1.0, 0.0), (-0.3, -0.42), (0.4, -0.32), (1.0, 0.0), (0.4, 0.32), (-0.3, 0.42))
    return [(x + r * (px * cos - py * sin), y + r * (px * sin + py * cos)) for px, py in shape]
