"""A region laid over its photo as one picture: for notebooks, reports and files, where no browser lays it."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import ShapeError
from lapel.explain.overlays import data_uri
from lapel.images import frame
from lapel.schema import Floats, Preprocess

RAMP = (
    (0.0, (26, 12, 70)),
    (0.35, (120, 28, 109)),
    (0.65, (214, 72, 58)),
    (0.85, (249, 160, 50)),
    (1.0, (252, 250, 170)),
)
"""Strength -> colour, from dark violet over red to pale yellow. Lightness grows all the way, so the order is read
without telling red from green, and in print."""

QUALITY = 85


def heat_map(image: Image.Image, region: Floats, preprocess: Preprocess, strongest: float = 0.75) -> Image.Image:
    """Lay a region over the photo it was found in.

    The region is brought back to the photo through what the preprocessing did to it: a part that was cut off stays as
    it is, padding is dropped. Where the model looked least the photo shows unchanged; where it looked most the colour
    covers `strongest` of it. A region that is the same everywhere says nothing and leaves the photo unchanged.

    Args:
        image: the upright photo (RGB, any size), as `open_image` gives it.
        region: (h, w), non-negative: one attribute's map of `Outputs.regions`.
        preprocess: of the model's card.
        strongest: between 0 and 1.

    Returns:
        RGB, of the photo's size.

    Raises:
        ShapeError: the region is not (h, w).
    """
    if region.ndim != 2:
        raise ShapeError(f"A region is {region.shape}; expected (h, w): one picture's map of one attribute.")
    strength = on_photo(relative(region), image.size, preprocess)
    alpha = strongest * strength[..., None]
    photo = np.asarray(image.convert("RGB"), dtype=np.float32)
    return Image.fromarray(np.rint(photo + alpha * (colours(strength) - photo)).astype(np.uint8))


def relative(region: Floats) -> Floats:
    """(h, w) -> the same between 0 (least) and 1 (most); all 0 where every value is alike."""
    spread: Floats = region.astype(np.float32) - region.min()
    greatest = float(spread.max())
    if greatest <= 1e-6 * float(region.max()):  # rounding, not a difference
        return np.zeros_like(spread)
    return (spread / greatest).astype(np.float32)


def on_photo(strength: Floats, size: tuple[int, int], preprocess: Preprocess, smooth: bool = True) -> Floats:
    """(h, w) -> (height, width) of a photo of `size` (width, height), 0 outside the input.

    smooth: between cells; False keeps each cell's edges.
    """
    left, top, width, height = frame(size, preprocess)
    there = max(1, round(width * size[0])), max(1, round(height * size[1]))
    way = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    laid = Image.fromarray(np.ascontiguousarray(strength, dtype=np.float32)).resize(there, way)
    whole = Image.new("F", size, 0)
    whole.paste(laid, (round(left * size[0]), round(top * size[1])))
    return np.asarray(whole, dtype=np.float32).clip(0, 1)


def colours(strength: Floats) -> NDArray[np.float32]:
    """(...) between 0 and 1 -> (..., 3) RGB of `RAMP`, 0 to 255."""
    stops = [at for at, _ in RAMP]
    channels = [np.interp(strength, stops, [colour[c] for _, colour in RAMP]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def jpeg_uri(image: Image.Image, quality: int = QUALITY) -> str:
    """A picture as a data URI that a page takes without another file."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return data_uri(out.getvalue(), "jpeg")
