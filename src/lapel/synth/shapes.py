"""Points, curves and outlines in the plane: the vocabulary in which bodies and garments are drawn.

Units are those of the figure: it stands 945 high, y grows downwards, x = 0 is its middle line. Curves are sampled
into points at once, so that one outline serves the picture, its seams and its mask.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]
Points = list[Point]


def lerp(a: Point, b: Point, t: float) -> Point:
    """The point a share `t` of the way from a to b."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)


def bezier(p: Point, q: Point, r: Point, s: Point, steps: int = 8) -> Points:
    """A cubic Bézier curve from p to s with control points q and r, as steps + 1 points."""
    found = []
    for i in range(steps + 1):
        t = i / steps
        u = 1 - t
        a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
        found.append((a * p[0] + b * q[0] + c * r[0] + d * s[0], a * p[1] + b * q[1] + c * r[1] + d * s[1]))
    return found


def bow(p: Point, s: Point, bulge: float, steps: int = 8) -> Points:
    """A shallow arc from p to s; `bulge` is its height to the left of the direction of travel, in units."""
    dx, dy = s[0] - p[0], s[1] - p[1]
    length = math.hypot(dx, dy) or 1.0
    nx, ny = dy / length * bulge * 4 / 3, -dx / length * bulge * 4 / 3
    q = (p[0] + dx * 0.25 + nx, p[1] + dy * 0.25 + ny)
    r = (p[0] + dx * 0.75 + nx, p[1] + dy * 0.75 + ny)
    return bezier(p, q, r, s, steps)


def spline(points: Sequence[Point], steps: int = 5) -> Points:
    """A smooth curve through all `points` (Catmull-Rom)."""
    padded = [points[0], *points, points[-1]]
    found: Points = [points[0]]
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        q = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
        r = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
        found += bezier(start, q, r, end, steps)[1:]
    return found


def flip(points: Sequence[Point]) -> Points:
    """The same points on the other side of the middle line, in the same order."""
    return [(-x, y) for x, y in points]


def both(half: Sequence[Point]) -> Points:
    """A closed outline from its half at x > 0, given from the top of the middle line to its bottom."""
    return [*half, *flip(half)[::-1]]


def side_by_side(points: Sequence[Point], side: int) -> Points:
    """`points` drawn for x > 0, put on the asked side (+1 or -1)."""
    return list(points) if side > 0 else flip(points)


def normals(spine: Sequence[Point]) -> Points:
    """Unit normals along a polyline, to the left of the direction of travel on a screen whose y grows downwards."""
    found = []
    last = len(spine) - 1
    for i in range(len(spine)):
        a, b = spine[max(i - 1, 0)], spine[min(i + 1, last)]
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy) or 1.0
        found.append((dy / length, -dx / length))
    return found


def tube(spine: Sequence[Point], halves: Sequence[float]) -> tuple[Points, Points]:
    """The left and right edge of a limb around `spine`; `halves` (any length >= 2) are half widths along it."""
    left, right = [], []
    last = len(spine) - 1
    for i, ((x, y), (nx, ny)) in enumerate(zip(spine, normals(spine), strict=True)):
        w = along(halves, i / last)
        left.append((x + nx * w, y + ny * w))
        right.append((x - nx * w, y - ny * w))
    return left, right


def along(values: Sequence[float], t: float) -> float:
    """The value a share `t` of the way through evenly spaced `values`."""
    at = min(max(t, 0.0), 1.0) * (len(values) - 1)
    i = min(int(at), len(values) - 2)
    return values[i] + (values[i + 1] - values[i]) * (at - i)


def cut(spine: Sequence[Point], length: float) -> Points:
    """The first `length` units of a polyline; all of it when it is shorter."""
    found = [spine[0]]
    for a, b in zip(spine, spine[1:], strict=False):
        step = math.hypot(b[0] - a[0], b[1] - a[1])
        if step >= length:
            return [*found, lerp(a, b, length / step)] if step else found
        length -= step
        found.append(b)
    return found


def wave(points: Sequence[Point], depth: float, count: float, phase: float = 0.0) -> Points:
    """`points` pushed to and fro along their normals: `count` waves of `depth` units from end to end."""
    last = len(points) - 1
    moved = []
    for i, ((x, y), (nx, ny)) in enumerate(zip(points, normals(points), strict=True)):
        push = depth * math.sin(2 * math.pi * count * i / last + phase)
        moved.append((x + nx * push, y + ny * push))
    return moved


def ellipse(x: float, y: float, rx: float, ry: float, steps: int = 20) -> Points:
    """A closed ellipse."""
    turn = 2 * math.pi / steps
    return [(x + rx * math.cos(turn * i), y + ry * math.sin(turn * i)) for i in range(steps)]


def write(points: Sequence[Point], closed: bool = True) -> str:
    """The points as SVG path data."""
    return "M" + "L".join(map("%.1f %.1f".__mod__, points)) + ("Z" if closed else "")
