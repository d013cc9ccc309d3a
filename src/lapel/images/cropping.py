"""From a map of where the model looked to the part of the original photo that a second branch reads.

The arithmetic is that of the published code of ASEN++ and RPF, to the pixel, for their square centre crop; for other
preprocessing it is the same steps on the frame that the input covers. Nothing here needs PyTorch: the exported models
cut the same crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from lapel.errors import ShapeError
from lapel.schema import Crops, Floats, Preprocess

Boxes = NDArray[np.int64]
AT_ONCE = 64
"""Maps that are enlarged together: 13 MB of numbers at 224 x 224."""


def frame(size: tuple[int, int], preprocess: Preprocess) -> tuple[float, float, float, float]:
    """(left, top, width, height) of the model's input on a photo of `size`, as fractions of the photo.

    A centre crop, or the middle of a stretched photo, lies inside it; where the input was padded, it reaches beyond.
    """
    wide, high = size
    if preprocess.resize == "stretch":
        high, wide = preprocess.scaled
        width, height = preprocess.width / wide, preprocess.height / high
        return (1 - width) / 2, (1 - height) / 2, width, height
    if preprocess.resize == "crop":
        scale = preprocess.short_side / min(wide, high)
    else:
        scale = min(preprocess.width / wide, preprocess.height / high)
    width, height = preprocess.width / (wide * scale), preprocess.height / (high * scale)
    return (1 - width) / 2, (1 - height) / 2, width, height


def rectangles(maps: NDArray[Any], threshold: float, height: int = 224, width: int = 224) -> Boxes:
    """What of each map is strong, as a rectangle around all of it.

    The map is enlarged to (height, width) bilinearly, spread over 0 to 255, cut to whole numbers, and kept where it is
    above floor(255 * threshold).

    Args:
        maps: (N, h, w), any float type; the arithmetic is in that type.
        threshold: between 0 and 1.

    Returns:
        (N, 4): x, y, width, height in pixels. A map that is the same everywhere, or holds something that is no number,
        says nothing: its rectangle is the whole frame.

    Raises:
        ShapeError: the maps are not (N, h, w).
    """
    if maps.ndim != 3:
        raise ShapeError(f"Maps are {maps.shape}; expected (N, h, w).")
    maps = maps if maps.dtype in (np.float32, np.float64) else maps.astype(np.float32)
    found = np.empty((len(maps), 4), np.int64)
    for at in range(0, len(maps), AT_ONCE):
        found[at : at + AT_ONCE] = _rectangles(maps[at : at + AT_ONCE], threshold, height, width)
    return found


def boxes(maps: NDArray[Any], sizes: ArrayLike, threshold: float, side: int = 224) -> Boxes:
    """The published arithmetic: maps of a centre crop of side x side -> squares on the original photos.

    Args:
        maps: (N, h, w). sizes: (N, 2), width and height of each photo in pixels. threshold: see `rectangles`.
        side: the input's side, which is also what the photo's short side was resized to.

    Returns:
        (N, 4): left, top, right, bottom; a square of at least one pixel, which may reach a pixel past the photo.
    """
    square = Preprocess(height=side, width=side, resize="crop", short_side=side)
    return crop_boxes(maps, sizes, square, threshold)


def crop_boxes(maps: NDArray[Any], sizes: ArrayLike, preprocess: Preprocess, threshold: float) -> Boxes:
    """Maps over a model's input -> boxes (N, 4) on the original photos: left, top, right, bottom.

    The box has the input's own proportions: with d the greater of the rectangle's shares of the frame, it is d of the
    frame wide and high, centred on the rectangle and moved inside the frame. For other arguments see `boxes`.
    """
    frames = (preprocess.width, preprocess.height)
    found = rectangles(maps, threshold, preprocess.height, preprocess.width)
    # The same share of both axes; of a square frame this is the rectangle's greater side, a whole number.
    share = np.maximum(found[:, 2] * frames[1], found[:, 3] * frames[0])
    result = np.empty((len(found), 4), np.int64)
    places = [_place(tuple(size), preprocess) for size in np.asarray(sizes).tolist()]
    for axis, length in enumerate(frames):
        extent = np.maximum(1, share // frames[1 - axis])
        centre = found[:, axis] + found[:, axis + 2] // 2
        start = np.where(centre + extent // 2 > length, length - extent, np.maximum(0, centre - extent // 2))
        scale = np.array([place[axis][1] for place in places])
        offset = np.array([place[axis][0] for place in places], np.int64)
        low = (start / length * scale).astype(np.int64) + offset
        result[:, axis] = low
        result[:, axis + 2] = low + np.maximum(1, (extent / length * scale).astype(np.int64))
    return result


def cut_crops(
    photos: Sequence[Image.Image],
    maps: NDArray[Any],
    preprocess: Preprocess,
    crops: Crops,
    pool: Executor | None = None,
) -> NDArray[np.uint8]:
    """One crop of each photo for each of its maps.

    Args:
        photos: B RGB photos of any size. maps: (B, A, h, w). preprocess: of the input that the maps are of.
        crops: threshold and size. pool: threads to cut in; None cuts here.

    Returns:
        (B, A, crops.height, crops.width, 3) uint8; beyond the photo's border it is black.
    """
    many = maps.shape[1]
    sizes = np.repeat([photo.size for photo in photos], many, axis=0)
    found = crop_boxes(maps.reshape(-1, *maps.shape[2:]), sizes, preprocess, crops.threshold)
    made = np.empty((len(found), crops.height, crops.width, 3), np.uint8)

    def cut(at: int) -> None:
        left, top, right, bottom = found[at].tolist()
        part = photos[at // many].crop((left, top, right, bottom))
        made[at] = np.asarray(part.resize((crops.width, crops.height), Image.Resampling.BILINEAR))

    for _ in (pool.map if pool else map)(cut, range(len(found))):
        pass
    return made.reshape(len(photos), many, *made.shape[1:])


def pictures_of(pixels: Floats, preprocess: Preprocess) -> list[Image.Image]:
    """Inputs (B, 3, H, W) as pictures again: what a model that crops looks at when it is given no photo."""
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (preprocess.mean, preprocess.std))
    levels = np.rint((pixels * std + mean) * 255).clip(0, 255).astype(np.uint8)
    return [Image.fromarray(np.ascontiguousarray(one)) for one in levels.transpose(0, 2, 3, 1)]


def _place(size: tuple[int, int], preprocess: Preprocess) -> tuple[tuple[int, float], tuple[int, float]]:
    """Per axis (x, y): the frame's first pixel on the photo, and its length there."""
    square = preprocess.resize == "crop" and preprocess.height == preprocess.width == preprocess.short_side
    if square:  # as published: floor where torchvision's centre crop rounds
        short = min(size)
        return ((size[0] - short) // 2, short), ((size[1] - short) // 2, short)
    left, top, width, height = frame(size, preprocess)
    return (int(np.floor(left * size[0])), width * size[0]), (int(np.floor(top * size[1])), height * size[1])


def _rectangles(maps: NDArray[Any], threshold: float, height: int, width: int) -> Boxes:
    each: dict[str, Any] = {"axis": (1, 2), "keepdims": True}
    # Asked of the map itself: enlarging rounds, and would find a region in a constant one.
    flat = ~(np.isfinite(maps).all(**each) & (maps.max(**each) > maps.min(**each)))
    big = _enlarge(_enlarge(np.where(flat, 0, maps), width, axis=2), height, axis=1)
    least = big.min(**each)
    levels = ((big - least) / np.where(flat, 1, big.max(**each) - least) * 255).astype(np.uint8)
    kept = (levels > int(255 * threshold)) | flat
    result = np.empty((len(maps), 4), np.int64)
    for axis, (length, other) in enumerate(((width, 1), (height, 2))):
        held = kept.any(axis=other)
        first, last = held.argmax(axis=1), length - 1 - held[:, ::-1].argmax(axis=1)
        result[:, axis], result[:, axis + 2] = first, last - first + 1
    return result


def _enlarge(maps: NDArray[Any], length: int, axis: int) -> NDArray[Any]:
    """Bilinear along one axis: centres of pixels on centres of pixels, the border repeated."""
    have = maps.shape[axis]
    at = np.maximum(
        (np.arange(length, dtype=maps.dtype) + maps.dtype.type(0.5)) * maps.dtype.type(have / length)
        - maps.dtype.type(0.5),
        0,
    )
    low = np.minimum(at.astype(np.int64), have - 1)
    high = np.minimum(low + 1, have - 1)
    share = (at - low).astype(maps.dtype).reshape([-1 if n == axis else 1 for n in range(3)])
    made: NDArray[Any] = (1 - share) * np.take(maps, low, axis=axis) + share * np.take(maps, high, axis=axis)
    return made
