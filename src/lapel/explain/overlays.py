"""A region as a see-through picture, and where on the photo it belongs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lapel.images import frame as frame
from lapel.schema import Floats, Preprocess

WARM = (226, 62, 24)
STRONGEST = 0.72
CELL = 8
"""Pixels a grid cell gets; the browser smooths the rest."""


@dataclass(frozen=True)
class Overlay:
    """uri: a PNG. left, top, width, height: where it lies, in per cent of the photo; it may reach beyond it."""

    uri: str
    left: float
    top: float
    width: float
    height: float


def overlay(region: Floats, size: tuple[int, int], preprocess: Preprocess) -> Overlay:
    """The region (h, w) of a photo of this size (width, height), strong where the model looked most."""
    left, top, width, height = frame(size, preprocess)
    return Overlay(data_uri(_png(region), "png"), *(round(100 * x, 3) for x in (left, top, width, height)))


def data_uri(content: bytes, kind: str) -> str:
    """Picture bytes as something an <img> takes without another file."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _png(region: Floats) -> bytes:
    spread = region - region.min()
    strength = spread / spread.max() if spread.max() > 1e-9 else np.zeros_like(spread)
    alpha = Image.fromarray(np.round(255 * STRONGEST * strength).astype(np.uint8))
    picture = Image.new("RGBA", (region.shape[1] * CELL, region.shape[0] * CELL), (*WARM, 0))
    picture.putalpha(alpha.resize(picture.size, Image.Resampling.BICUBIC))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
