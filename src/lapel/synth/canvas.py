"""What is drawn, in order: once as a picture, once as flat numbers that tell which region every pixel belongs to.

Every opaque shape carries tags (`garment`, an attribute's name, `cover`, ...). The second drawing replays the same
shapes without soft edges, each in the number of its tag set, so whatever hides a region in the picture hides it in
the mask as well. Zones are areas that decide an attribute without being a piece of cloth, such as a neckline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lapel.synth.shapes import Point, write

RGB = tuple[float, float, float]

GARMENT = "garment"
COVER = "cover"
ZONE_COLORS = ("#ff0000", "#00ff00")


def hexa(color: RGB) -> str:
    """A colour of 0..255 floats as SVG writes it."""
    r, g, b = (min(255, max(0, round(c))) for c in color)
    return f"#{r:02x}{g:02x}{b:02x}"


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with a share of `b` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


class Canvas:
    """Collects a figure's shapes; `rasterise` turns it into a picture and masks."""

    def __init__(self) -> None:
        self.defs: list[str] = []
        self.backdrop: list[str] = []
        self.under: list[str] = []
        self.picture: list[str] = []
        self.ids: list[str] = []
        self.tag_sets: list[frozenset[str]] = [frozenset()]
        self.zones: dict[str, list[str]] = {}
        self.silhouette: list[str] = []
        self.low: list[float] = [1e9, 1e9]
        self.high: list[float] = [-1e9, -1e9]
        self.front: list[str] = []
        self._count = 0
        self._aside = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is drawn inside belongs to other clothes: no region, no zone."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def name(self, prefix: str = "n") -> str:
        """A new id for a definition."""
        self._count += 1
        return f"{prefix}{self._count}"

    def define(self, svg: str) -> None:
        """Add a gradient or pattern."""
        self.defs.append(svg)

    def shape(
        self,
        points: Sequence[Point],
        fill: str,
        tags: Iterable[str] = (),
        overlays: Sequence[str] = (),
        line: str | None = None,
        width: float = 2.0,
    ) -> None:
        """An opaque closed shape: its fill, translucent fills over it, its outline; tagged in the flat drawing."""
        tagged = frozenset(("other",) if self._aside else tags)
        data = write(points)
        edge = f' stroke="{line}" stroke-width="{width:.1f}"' if line else ""
        if overlays:
            self.picture.append(f'<path d="{data}" fill="{fill}"/>')
            self.picture += [f'<path d="{data}" fill="{overlay}"/>' for overlay in overlays]
            self.picture.append(f'<path d="{data}" fill="none"{edge}/>')
        else:
            self.picture.append(f'<path d="{data}" fill="{fill}"{edge}/>')
        number = self._number(tagged)
        edge = f' stroke="#0000{number:02x}" stroke-width="{width:.1f}"' if line else ""
        self.ids.append(f'<path d="{data}" fill="#0000{number:02x}"{edge}/>')
        if GARMENT in tagged:
            self.silhouette.append(f'<path d="{data}"/>')
            for axis in (0, 1):
                self.low[axis] = min(self.low[axis], *(p[axis] for p in points))
                self.high[axis] = max(self.high[axis], *(p[axis] for p in points))

    def paint(self, points: Sequence[Point], fill: str, opacity: float = 1.0) -> None:
        """A translucent mark on what lies there already: a fold, a shadow, a print. It changes no region."""
        self.picture.append(f'<path d="{write(points)}" fill="{fill}" fill-opacity="{opacity:.2f}"/>')

    def line(
        self, points: Sequence[Point], color: str, width: float = 2.0, opacity: float = 1.0, dash: str = ""
    ) -> None:
        """A seam or another line on what lies there already. It changes no region."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.picture.append(
            f'<path d="{write(points, closed=False)}" fill="none" stroke="{color}" stroke-width="{width:.1f}"'
            f' stroke-opacity="{opacity:.2f}" stroke-linecap="round"{dashed}/>'
        )

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

    def _number(self, tags: frozenset[str]) -> int:
        if tags not in self.tag_sets:
            self.tag_sets.append(tags)
        return self.tag_sets.index(tags)
