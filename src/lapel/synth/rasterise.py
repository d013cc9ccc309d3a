"""SVG -> pixels with resvg: the picture with soft edges, the regions without."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from lapel.synth.camera import FRAME, Camera
from lapel.synth.canvas import COVER, GARMENT, INSIDE, Canvas
from lapel.synth.light import PROFILES, Flat, Light, apply

WHOLE = ("category", "color", "pattern")
"""Attributes decided by the whole garment."""


def flat_drawing(canvas: Canvas, camera: Camera, size: int) -> NDArray[np.uint8]:
    """(size, size, 4): the zones in the first two channels, every pixel's piece in the third, no soft edges."""
    zones = "".join(
        f'<g style="mix-blend-mode:lighten" transform="{camera.svg}">{"".join(shapes)}</g>'
        for shapes in canvas.zones.values()
    )
    body = f'<rect width="{FRAME}" height="{FRAME}" fill="#000000"/>'
    body += f'<g transform="{camera.svg}" stroke-linejoin="round">{"".join(canvas.ids)}</g>{zones}'
    return np.asarray(_render(body, size, crisp=True))


def picture(canvas: Canvas, camera: Camera, flat: NDArray[np.uint8], light: Light) -> Image.Image:
    """The picture, RGB, of the same size as its flat drawing."""
    body = (
        f'{"".join(canvas.backdrop)}<g transform="{camera.svg}" stroke-linejoin="round">{"".join(canvas.picture)}</g>'
    )
    size = flat.shape[0]
    numbers = flat[..., 2]
    axes = [camera.pull(piece.axis, FRAME / size) for piece in canvas.pieces]
    ready = Flat(
        numbers,
        _tagged(canvas, {GARMENT})[numbers],
        _tagged(canvas, {GARMENT, INSIDE})[numbers],
        np.array(axes, dtype=np.float32),
        np.array([PROFILES.index(piece.profile) for piece in canvas.pieces]),
    )
    return apply(_render(body, size, crisp=False).convert("RGB"), ready, light)


def regions(canvas: Canvas, flat: NDArray[np.uint8], attributes: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Attribute -> (size, size) bool: the visible pixels that decide it, from the same shapes as the picture."""
    numbers = flat[..., 2]
    found: dict[str, NDArray[np.bool_]] = {}
    whole = _tagged(canvas, {GARMENT})[numbers]
    for attribute in attributes:
        mask = whole if attribute in WHOLE else _tagged(canvas, {attribute})[numbers]
        if attribute in canvas.zones:
            zone = flat[..., list(canvas.zones).index(attribute)] > 0
            mask = mask | (zone & ~_tagged(canvas, {COVER})[numbers])
        found[attribute] = mask
    return found


def _tagged(canvas: Canvas, tags: set[str]) -> NDArray[np.bool_]:
    """(P,): which pieces carry one of the tags."""
    return np.array([not tags.isdisjoint(piece.tags) for piece in canvas.pieces])


def _render(body: str, size: int, crisp: bool) -> Image.Image:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {FRAME} {FRAME}">'
        f"{body}</svg>"
    )
    # System fonts are skipped: nothing is written with them, and loading them costs more than the drawing.
    png = resvg_py.svg_to_bytes(
        svg_string=svg,
        skip_system_fonts=True,
        shape_rendering="crisp_edges" if crisp else "geometric_precision",
    )
    return Image.open(io.BytesIO(png))
