"""RGB picture -> the array a model reads, as the model's `Preprocess` says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import ShapeError
from lapel.schema import Floats, Preprocess

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def fit(image: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Resize, cut or pad an RGB picture to the model's size.

    "crop" gives torchvision's Resize(short_side) and CenterCrop((height, width)) to the bit.

    Returns:
        (height, width, 3) uint8, contiguous.
    """
    return np.array(cut(scale(image, preprocess), preprocess))


def scale(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """The first half of `fit`: the picture resized, not yet cut or padded; what a distortion is applied to."""
    if preprocess.resize == "crop":
        return _scale_short(image, preprocess)
    return _stretch(image, preprocess) if preprocess.resize == "stretch" else _scale_inside(image, preprocess)


def cut(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """The second half of `fit`: a resized picture cut or padded to (height, width)."""
    if preprocess.resize == "crop":
        return _cut_centre(image, preprocess)
    if preprocess.resize == "stretch":
        return image if preprocess.centre == 1 else _cut_centre(image, preprocess)
    return _pad(image, preprocess)


def decode_side(preprocess: Preprocess) -> int:
    """The short side, in pixels, that a decoded photo needs at least, so that `fit` never blows it up."""
    if preprocess.resize == "crop":
        return preprocess.short_side
    # A stretched photo may be turned: its short side may become the input's long one.
    return max(preprocess.scaled) if preprocess.resize == "stretch" else min(preprocess.height, preprocess.width)


def normalise(pixels: NDArray[np.uint8], preprocess: Preprocess) -> Floats:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32, contiguous: (pixel / 255 - mean) / std per channel.

    Raises:
        ShapeError: the pixels are not (B, H, W, 3).
    """
    if pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise ShapeError(f"Pixels are {pixels.shape}; expected (B, H, W, 3). Stack what `fit` gives.")
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    out = np.empty((len(pixels), 3, *pixels.shape[1:3]), np.float32)
    for channel in range(3):
        # 256 possible inputs: a table look-up is faster than arithmetic, and equal to torch's to the last bit.
        table = (levels - np.float32(preprocess.mean[channel])) / np.float32(preprocess.std[channel])
        np.take(table, pixels[..., channel], out=out[:, channel])
    return out


def _scale_short(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if short == preprocess.short_side:
        return image
    far = int(preprocess.short_side * long / short)
    size = (preprocess.short_side, far) if width <= height else (far, preprocess.short_side)
    return image.resize(size, _FILTERS[preprocess.interpolation])


def _cut_centre(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    left = round((image.width - preprocess.width) / 2)
    top = round((image.height - preprocess.height) / 2)
    if left < 0 or top < 0:  # cutting a window that is larger than the picture: the rest is filled
        canvas = Image.new("RGB", (preprocess.width, preprocess.height), (preprocess.fill,) * 3)
        canvas.paste(image, (-left, -top))
        return canvas
    return image.crop((left, top, left + preprocess.width, top + preprocess.height))


def _stretch(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    height, width = preprocess.scaled
    return image.resize((width, height), _FILTERS[preprocess.interpolation])


def _scale_inside(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    factor = min(preprocess.width / image.width, preprocess.height / image.height)
    size = (
        min(preprocess.width, max(1, round(image.width * factor))),
        min(preprocess.height, max(1, round(image.height * factor))),
    )
    return image.resize(size, _FILTERS[preprocess.interpolation])


def _pad(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    canvas = Image.new("RGB", (preprocess.width, preprocess.height), (preprocess.fill,) * 3)
    canvas.paste(image, ((preprocess.width - image.width) // 2, (preprocess.height - image.height) // 2))
    return canvas
