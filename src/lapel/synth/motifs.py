"""The single large motif of a graphic print, and the flower that lies beside a garment."""

from __future__ import annotations

import math
from random import Random

from lapel.synth.canvas import RGB, hexa, mix
from lapel.synth.prints import contrast
from lapel.synth.shapes import Points, ellipse, write

_INKS: tuple[RGB, ...] = ((250, 248, 242), (24, 24, 30), (250, 214, 70), (226, 60, 60), (40, 70, 150), (46, 140, 90))


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


def flower(x: float, y: float, r: float, petal: RGB, turn: float, petals: int = 5) -> str:
    """A real flower of radius r."""
    drawn = ""
    for i in range(petals):
        angle = turn + 2 * math.pi * i / petals
        px, py = x + 0.55 * r * math.cos(angle), y + 0.55 * r * math.sin(angle)
        drawn += f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{r * 0.43:.1f}"/>'
    edge = hexa(mix(petal, (40, 10, 20), 0.45))
    return (
        f'<g fill="{hexa(petal)}" stroke="{edge}" stroke-width="{r * 0.07:.1f}">{drawn}</g>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r * 0.3:.1f}" fill="#d8a838"/>'
    )


def _fill(points: Points, fill: RGB, line: RGB, r: float) -> str:
    return f'<path d="{write(points)}" fill="{hexa(fill)}" stroke="{hexa(line)}" stroke-width="{r * 0.09:.1f}"/>'


def _star(x: float, y: float, outer: float, inner: float, spikes: int) -> Points:
    found = []
    for i in range(2 * spikes):
        reach, angle = inner if i % 2 else outer, math.pi * i / spikes
        found.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
    return found


def _heart(x: float, y: float, r: float) -> Points:
    found = []
    for i in range(36):
        t = 2 * math.pi * i / 36
        px = 16 * math.sin(t) ** 3
        py = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        found.append((x + px / 16 * r, y - py / 16 * r))
    return found


def _cat(x: float, y: float, r: float, ink: RGB, other: RGB) -> str:
    half = [(0.4, -0.62), (0.85, -1), (0.95, 0.1), (0.6, 0.75)]
    head = [*half, (0.0, 0.95), *[(-px, py) for px, py in half[::-1]]]
    drawn = _fill([(x + px * r, y + py * r) for px, py in head], ink, other, r)
    for side in (-1, 1):
        drawn += _fill(ellipse(x + side * 0.4 * r, y, 0.16 * r, 0.2 * r, 12), other, other, r)
    nose = [(x - 0.12 * r, y + 0.36 * r), (x + 0.12 * r, y + 0.36 * r), (x, y + 0.5 * r)]
    return drawn + _fill(nose, other, other, r)
