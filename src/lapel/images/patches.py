"""CLIP-side preprocessing of composed retrieval: padding to a target ratio, and the 13 crops of a picture."""

from __future__ import annotations

from PIL import Image

from lapel.schema import Preprocess

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
RATIO = 1.25
WHOLE = 360
"""A picture is squeezed to this square before it is cut into 2 x 2 and 3 x 3 crops."""


def clip_preprocess(size: int) -> Preprocess:
    """What CLIP reads after `target_pad`: short side to `size` (bicubic), centre, CLIP's mean and deviation."""
    return Preprocess(size, size, "crop", size, "bicubic", mean=CLIP_MEAN, std=CLIP_STD)


def target_pad(image: Image.Image, ratio: float = RATIO) -> Image.Image:
    """Pad with black until long side / short side is at most `ratio` (CLIP4Cir); squarer pictures stay as they are."""
    width, height = image.size
    long, short = max(width, height), min(width, height)
    if long / short < ratio:
        return image
    side = long / ratio
    return _padded(image, max(int((side - width) / 2), 0), max(int((side - height) / 2), 0))


def square_pad(image: Image.Image) -> Image.Image:
    """Pad with black to a square; an odd pixel is lost on one side, as published."""
    side = max(image.size)
    return _padded(image, int((side - image.width) / 2), int((side - image.height) / 2))


def crops(image: Image.Image) -> list[Image.Image]:
    """The 13 crops, row by row: 2 x 2 of 180 pixels, then 3 x 3 of 120, of the picture squeezed to 360 x 360."""
    square = image.resize((WHOLE, WHOLE), Image.Resampling.LANCZOS)
    made = []
    for parts in (2, 3):
        side = WHOLE // parts
        for top in range(parts):
            for left in range(parts):
                made.append(square.crop((left * side, top * side, (left + 1) * side, (top + 1) * side)))
    return made


def boxes(height: int, width: int) -> list[tuple[float, float, float, float]]:
    """The 13 crops as (left, top, right, bottom) on a map of (height, width) cells."""
    return [
        (left * width / parts, top * height / parts, (left + 1) * width / parts, (top + 1) * height / parts)
        for parts in (2, 3)
        for top in range(parts)
        for left in range(parts)
    ]


def _padded(image: Image.Image, across: int, down: int) -> Image.Image:
    canvas = Image.new("RGB", (image.width + 2 * across, image.height + 2 * down))
    canvas.paste(image, (across, down))
    return canvas
