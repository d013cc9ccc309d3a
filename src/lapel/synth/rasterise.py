"""SVG -> pixels with resvg: the picture with soft edges, the regions without."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from lapel.synth.canvas import COVER, GARMENT, Canvas

FRAME = 256
"""The picture's side in the units of the camera; the size in pixels is free."""

WHOLE = ("category", "color", "pattern")
"""Attributes decided by the whole garment."""


def picture(canvas: Canvas, camera: str, size: int) -> Image.Image:
    """The picture, (size, size) RGB. camera: an SVG transform from figure units to 0..256."""
    body = (
        "".join(canvas.backdrop)
        + f'<g transform="{camera}" stroke-linejoin="round">{"".join(canvas.under)}{"".join(canvas.picture)}</g>'
        + "".join(canvas.front)
    )
    return _render(body, "".join(canvas.defs), size, crisp=False)


def regions(canvas: Canvas, camera: str, size: int, attributes: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Attribute -> (size, size) bool: the visible pixels that decide it, from the same shapes as the picture."""
    zones = "".join(
        f'<g style="mix-blend-mode:lighten" transform="{camera}">{"".join(shapes)}</g>'
        for shapes in canvas.zones.values()
    )
    body = f'<rect width="{FRAME}" height="{FRAME}" fill="#000000"/>'
    body += f'<g transform="{camera}" stroke-linejoin="round">{"".join(canvas.ids)}</g>{zones}'
    pixels = np.asarray(_render(body, "", size, crisp=True))
    numbers = pixels[..., 2]
    found = {}
    for attribute in attributes:
        tag = GARMENT if attribute in WHOLE else attribute
        holds = np.array([tag in tags for tags in canvas.tag_sets])
        mask = holds[numbers]
        if attribute in canvas.zones:
            covered = np.array([COVER in tags for tags in canvas.tag_sets])
            mask |= (pixels[..., list(canvas.zones).index(attribute)] > 0) & ~covered[numbers]
        found[attribute] = mask
    return found


def _render(body: str, defs: str, size: int, crisp: bool) -> Image.Image:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {FRAME} {FRAME}">'
        f"<defs>{defs}</defs>{body}</svg>"
    )
    # System fonts are skipped: nothing is written with them, and loading them costs more than the drawing.
    png = resvg_py.svg_to_bytes(
        svg_string=svg,
        skip_system_fonts=True,
        shape_rendering="crisp_edges" if crisp else "geometric_precision",
    )
    return Image.open(io.BytesIO(png)).convert("RGB")
