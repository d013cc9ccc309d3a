"""What is drawn, in order: once as a picture, once as flat numbers that tell which piece every pixel belongs to.

Every opaque shape is a piece with tags (`garment`, an attribute's name, `cover`, ...). The flat drawing replays the
same shapes without soft edges, each in its piece's number, so whatever hides a region in the picture hides it in the
mask as well. Zones are areas that decide an attribute without being a piece of cloth, such as a neckline.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lapel.synth.shapes import Point, write

RGB = tuple[float, float, float]

GARMENT = "garment"
COVER = "cover"
INSIDE = "inside"
OTHER = "other"
ZONE_COLORS = ("#ff0000", "#00ff00")


def hexa(color: RGB) -> str:
    """A colour of 0..255 floats as SVG writes it."""
    r, g, b = (min(255, max(0, round(c))) for c in color)
    return f"#{r:02x}{g:02x}{b:02x}"


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with a share of `b` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


@dataclass(frozen=True)
class Piece:
    """What a number of the flat drawing means.

    profile: how the light rounds the piece ("" for not at all; see `light.PROFILES`).
    axis: (a, b, c); a * x + b * y + c runs from 0 to 1 across the piece, in figure units.
    """

    tags: frozenset[str]
    profile: str = ""
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Canvas:
    """Collects a figure's shapes; `rasterise` turns it into a picture and masks."""

    def __init__(self) -> None:
        self.backdrop: list[str] = []
        self.picture: list[str] = []
        self.ids: list[str] = []
        self.pieces: list[Piece] = [Piece(frozenset())]
        self.zones: dict[str, list[str]] = {}
        self.low: list[float] = [1e9, 1e9]
        self.high: list[float] = [-1e9, -1e9]
        self._numbers: dict[Piece, int] = {}
        self._aside = False
        self._look, self._data, self._look_at = "", "", -1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is drawn inside belongs to other clothes: no region, no zone."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def shape(
        self,
        points: Sequence[Point],
        fill: str,
        tags: Iterable[str] = (),
        line: str | None = None,
        width: float = 2.0,
        profile: str = "",
        angle: float = 0.0,
        inlay: Sequence[str] = (),
    ) -> None:
        """An opaque closed shape: its fill, `inlay` over it, its outline.

        profile, angle: how the light rounds it, and the direction across it in degrees.
        """
        tagged = frozenset((OTHER,) if self._aside else tags)
        data = write(points)
        edge = f' stroke="{line}" stroke-width="{width:.1f}"' if line else ""
        # Under an outline the fill needs no soft edge, which is the dear part of filling.
        crisp = ' shape-rendering="crispEdges"' if line else ""
        self.picture += [f'<path d="{data}" fill="{fill}"{crisp}/>', *inlay]
        if line:
            self.picture.append(f'<path d="{data}" fill="none"{edge}/>')
        number = self._number(Piece(tagged, profile, _axis(points, angle) if profile else (0.0, 0.0, 0.0)))
        edge = f' stroke="#0000{number:02x}" stroke-width="{width:.1f}"' if line else ""
        self.ids.append(f'<path d="{data}" fill="#0000{number:02x}"{edge}/>')
        if GARMENT in tagged:
            for axis in (0, 1):
                self.low[axis] = min(self.low[axis], *(p[axis] for p in points))
                self.high[axis] = max(self.high[axis], *(p[axis] for p in points))

    def paint(self, points: Sequence[Point], fill: str, opacity: float = 1.0) -> None:
        """A translucent mark on what lies there already: a fold, a shadow, a print. It changes no region."""
        # Nobody sees the steps along the edge of a faint mark, and soft edges cost three times as much.
        crisp = ' shape-rendering="crispEdges"' if opacity < 0.2 else ""
        self._add(write(points), f'fill="{fill}" fill-opacity="{opacity:.2f}"{crisp}')

    def line(
        self, points: Sequence[Point], color: str, width: float = 2.0, opacity: float = 1.0, dash: str = ""
    ) -> None:
        """A seam or another line on what lies there already. It changes no region."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        look = f'fill="none" stroke="{color}" stroke-width="{width:.1f}" stroke-opacity="{opacity:.2f}"'
        self._add(write(points, closed=False), f'{look} stroke-linecap="round"{dashed}')

    def _add(self, data: str, look: str) -> None:
        """A path; one that looks like the path just before joins it, which spares the rasteriser a pass."""
        if self._look == look and self._look_at == len(self.picture):
            data = self._data + data
            self.picture.pop()
        self.picture.append(f'<path d="{data}" {look}/>')
        self._look, self._data, self._look_at = look, data, len(self.picture)

    def mark(self, svg: str) -> None:
        """Any other mark on what lies there already."""
        self.picture.append(svg)

    def zone(self, attribute: str, points: Sequence[Point], width: float = 0.0, closed: bool = True) -> None:
        """An area (closed) or a band of `width` along an edge that decides `attribute`, wherever nothing covers it."""
        if self._aside:
            return
        color = ZONE_COLORS[list({**self.zones, attribute: []}).index(attribute)]
        fill = color if closed else "none"
        edge = f' stroke="{color}" stroke-width="{width:.1f}"' if width else ""
        self.zones.setdefault(attribute, []).append(f'<path d="{write(points, closed)}" fill="{fill}"{edge}/>')

    def _number(self, piece: Piece) -> int:
        number = self._numbers.get(piece)
        if number is None:
            if len(self.pieces) > 255:  # the flat drawing has one byte: late pieces go without a rounding of their own
                return self._numbers.setdefault(Piece(piece.tags), self._alike(piece))
            number = self._numbers[piece] = len(self.pieces)
            self.pieces.append(piece)
        return number

    def _alike(self, piece: Piece) -> int:
        return next(i for i, known in enumerate(self.pieces) if known.tags == piece.tags and i)


def _axis(points: Sequence[Point], angle: float) -> tuple[float, float, float]:
    """The axis of a `Piece`: from one end of `points` to the other, seen along `angle` degrees."""
    dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    reach = [x * dx + y * dy for x, y in points]
    low, width = min(reach), (max(reach) - min(reach)) or 1.0
    return (round(dx / width, 6), round(dy / width, 6), round(-low / width, 6))
