"""Printed patterns as SVG tiles, and the single motif of a graphic print."""

from __future__ import annotations

import math
from random import Random

from lapel.synth.canvas import RGB, hexa, mix
from lapel.synth.shapes import Points, ellipse, write

_INKS: tuple[RGB, ...] = ((250, 248, 242), (24, 24, 30), (250, 214, 70), (226, 60, 60), (40, 70, 150), (46, 140, 90))
PETALS: tuple[RGB, ...] = (
    (244, 120, 150),
    (250, 220, 90),
    (250, 250, 246),
    (230, 70, 70),
    (150, 110, 210),
    (250, 160, 70),
)


def contrast(base: RGB, rng: Random) -> RGB:
    """An ink that stands out from `base`: mostly white or black, so that the ground names the colour."""
    luma = 0.3 * base[0] + 0.59 * base[1] + 0.11 * base[2]
    if luma < 150:
        return (248, 246, 240)
    if luma > 225:
        return rng.choice(((28, 28, 34), (30, 46, 104), (150, 26, 36)))
    return rng.choice(((26, 24, 32), (250, 248, 244))) if luma < 180 else (30, 28, 38)


def tile(name: str, pattern: str, base: RGB, rng: Random, pixel: float) -> str:
    """The SVG definition of a repeating print: stripe, dots, plaid or floral."""
    ink = contrast(base, rng)
    width, height, drawn = {"stripe": _stripe, "dots": _dots, "plaid": _plaid, "floral": _floral}[pattern](
        base, ink, rng, pixel
    )
    angle = rng.choice((0, 0, 90, 90, 38)) if pattern == "stripe" else rng.uniform(-4, 4)
    if pattern == "plaid":
        angle = rng.choice((0, 0, 45))
    return (
        f'<pattern id="{name}" width="{width:.1f}" height="{height:.1f}" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate({angle:.0f})">{drawn}</pattern>'
    )


def _stripe(base: RGB, ink: RGB, rng: Random, pixel: float) -> tuple[float, float, str]:
    period = rng.uniform(8.5, 12.5) * pixel
    thick = period * rng.uniform(0.3, 0.42)
    return period, period, f'<rect width="{period:.1f}" height="{thick:.1f}" fill="{hexa(ink)}"/>'


def _dots(base: RGB, ink: RGB, rng: Random, pixel: float) -> tuple[float, float, str]:
    side = rng.uniform(15, 20) * pixel
    r = side * rng.uniform(0.15, 0.19)
    spots = "".join(
        f'<circle cx="{side * x:.1f}" cy="{side * y:.1f}" r="{r:.1f}"/>' for x, y in ((0.25, 0.25), (0.75, 0.75))
    )
    return side, side, f'<g fill="{hexa(ink)}">{spots}</g>'


def _plaid(base: RGB, ink: RGB, rng: Random, pixel: float) -> tuple[float, float, str]:
    side = rng.uniform(20, 26) * pixel
    band = side * 0.36
    thin = max(side * 0.06, 1.3 * pixel)
    dark = hexa(mix(base, ink, 0.25) if sum(ink) > 400 else (16, 14, 22))
    drawn = f'<g fill="{dark}" fill-opacity=".46"><rect width="{side:.1f}" height="{band:.1f}"/>'
    drawn += f'<rect width="{band:.1f}" height="{side:.1f}"/></g>'
    at = side * 0.66
    line = hexa(ink)
    drawn += f'<g fill="{line}" fill-opacity=".9"><rect y="{at:.1f}" width="{side:.1f}" height="{thin:.1f}"/>'
    drawn += f'<rect x="{at:.1f}" width="{thin:.1f}" height="{side:.1f}"/></g>'
    return side, side, drawn


def flower(x: float, y: float, r: float, petal: RGB, turn: float, petals: int = 5) -> str:
    """A flower of radius r."""
    drawn = ""
    for i in range(petals):
        angle = turn + 2 * math.pi * i / petals
        px, py = x + 0.55 * r * math.cos(angle), y + 0.55 * r * math.sin(angle)
        drawn += f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{r * 0.43:.1f}"/>'
    heart = (250, 206, 60) if petal[2] > 120 or petal[1] < 140 else (170, 60, 40)
    edge = hexa(mix(petal, (40, 10, 20), 0.45))
    return (
        f'<g fill="{hexa(petal)}" stroke="{edge}" stroke-width="{r * 0.07:.1f}">{drawn}</g>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r * 0.3:.1f}" fill="{hexa(heart)}"/>'
    )


def _floral(base: RGB, ink: RGB, rng: Random, pixel: float) -> tuple[float, float, str]:
    side = rng.uniform(32, 38) * pixel
    far = [p for p in PETALS if math.dist(p, base) > 110]
    first, second = rng.sample(far, 2)
    leaf = hexa((40, 110, 60) if math.dist(base, (40, 110, 60)) > 90 else (190, 220, 150))
    drawn = ""
    spots = (
        (0.26, 0.28, 0.19, first),
        (0.74, 0.74, 0.19, first),
        (0.76, 0.24, 0.13, second),
        (0.24, 0.76, 0.13, second),
    )
    for x, y, r, petal in spots:
        turn = rng.uniform(0, 6)
        cx, cy, rr = x * side, y * side, r * side
        for way in (turn + 0.6, turn + 2.9):
            lx, ly = cx + 1.15 * rr * math.cos(way), cy + 1.15 * rr * math.sin(way)
            drawn += (
                f'<ellipse cx="{lx:.1f}" cy="{ly:.1f}" rx="{rr * 0.5:.1f}" ry="{rr * 0.2:.1f}" fill="{leaf}"'
                f' transform="rotate({math.degrees(way):.0f} {lx:.1f} {ly:.1f})"/>'
            )
        drawn += flower(cx, cy, rr, petal, turn)
    return side, side, drawn


def motif(rng: Random, x: float, y: float, r: float, base: RGB) -> str:
    """One large print of radius r around (x, y): star, heart, sun, lightning, badge or cat."""
    ink = contrast(base, rng)
    other = rng.choice([i for i in _INKS if math.dist(i, base) > 140 and math.dist(i, ink) > 120] or [ink])
    kind = rng.choice(("star", "heart", "sun", "bolt", "badge", "cat"))
    if kind == "star":
        return _fill(_star(x, y, r, r * 0.44, 5), ink, other, r)
    if kind == "sun":
        return _fill(_star(x, y, r, r * 0.66, 12), other, ink, r) + _fill(
            ellipse(x, y, r * 0.45, r * 0.45), ink, ink, r
        )
    if kind == "heart":
        return _fill(_heart(x, y, r), other, ink, r)
    if kind == "bolt":
        shape = [(0.15, -1), (-0.55, 0.15), (-0.05, 0.12), (-0.25, 1), (0.55, -0.25), (0.05, -0.2), (0.5, -1)]
        ring = _fill(ellipse(x, y, r, r), ink, other, r)
        return ring + _fill([(x + px * r * 0.8, y + py * r * 0.8) for px, py in shape], other, other, r)
    if kind == "badge":
        bars = "".join(
            f'<rect x="{x - r * w:.1f}" y="{y + r * v:.1f}" width="{2 * r * w:.1f}" height="{r * 0.2:.1f}"'
            f' fill="{hexa(ink)}"/>'
            for v, w in ((-0.42, 0.45), (-0.1, 0.62), (0.22, 0.45))
        )
        return _fill(ellipse(x, y, r, r), other, ink, r) + bars
    return _cat(x, y, r, ink, other)


def _fill(points: Points, fill: RGB, line: RGB, r: float) -> str:
    return f'<path d="{write(points)}" fill="{hexa(fill)}" stroke="{hexa(line)}" stroke-width="{r * 0.09:.1f}"/>'


def _star(x: float, y: float, outer: float, inner: float, spikes: int) -> Points:
    turns = range(2 * spikes)
    return [
        (
            x + (inner if i % 2 else outer) * math.sin(math.pi * i / spikes),
            y - (inner if i % 2 else outer) * math.cos(math.pi * i / spikes),
        )
        for i in turns
    ]


def _heart(x: float, y: float, r: float) -> Points:
    found = []
    for i in range(36):
        t = 2 * math.pi * i / 36
        px = 16 * math.sin(t) ** 3
        py = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        found.append((x + px / 16 * r, y - py / 16 * r))
    return found


def _cat(x: float, y: float, r: float, ink: RGB, other: RGB) -> str:
    head = [
        (-0.85, -1),
        (-0.4, -0.62),
        (0.4, -0.62),
        (0.85, -1),
        (0.95, 0.1),
        (0.6, 0.75),
        (0, 0.95),
        (-0.6, 0.75),
        (-0.95, 0.1),
    ]
    drawn = _fill([(x + px * r, y + py * r) for px, py in head], ink, other, r)
    for side in (-1, 1):
        drawn += _fill(ellipse(x + side * 0.4 * r, y, 0.16 * r, 0.2 * r, 12), other, other, r)
    return drawn + _fill(
        [(x - 0.12 * r, y + 0.36 * r), (x + 0.12 * r, y + 0.36 * r), (x, y + 0.5 * r)], other, other, r
    )
