"""Do heat maps tell the truth? Blur the photo where a map is strongest, and where it is not, and compare the scores.

If a map shows what decided, blurring its strongest part lowers the score more than blurring another part of the same
size and shape. The method is the deletion test of explanations in general (Petsiuk et al. 2018, RISE) with a blur in
place of black, which would be a new object in the picture, and with one fixed area in place of a curve.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lapel.errors import InputError
from lapel.explain.heat_map import on_photo
from lapel.schema import Floats, Preprocess

BLUR = 0.06
"""Radius of the blur as a share of the photo's longer side: details go, the garment's colour and place stay."""

RESAMPLES = 2_000


@dataclass(frozen=True)
class Faithfulness:
    """One attribute's figures over the sampled pairs.

    score: mean cosine of query and hit before. top: mean fall when the hit's strongest region is blurred. random: the
    same for moved regions of the same size and shape. difference: top - random, with its 95 % interval (low, high; by
    bootstrap over pairs). wins: share of pairs whose top fall is the greater.
    """

    attribute: str
    pairs: int
    score: float
    top: float
    random: float
    difference: float
    low: float
    high: float
    wins: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, rounded to five decimals."""
        return {name: round(x, 5) if isinstance(x, float) else x for name, x in asdict(self).items()}


def strongest(region: Floats, share: float) -> NDArray[np.bool_]:
    """(h, w): the strongest cells that together cover `share` of the map, at least one.

    Raises:
        InputError: share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(f"The share to blur is {share}; give a number between 0 and 1, for example 0.2.")
    count = max(1, round(share * region.size))
    mask: NDArray[np.bool_] = np.zeros(region.size, dtype=bool)
    mask[np.argsort(-region.ravel(), kind="stable")[:count]] = True
    return mask.reshape(region.shape)


def moved(mask: NDArray[np.bool_], draw: np.random.Generator) -> NDArray[np.bool_]:
    """The same cells shifted together to another place of the map (around its edges): same area, same shape."""
    height, width = mask.shape
    if mask.size == 1:
        return mask.copy()
    by = 0
    while by == 0:
        by = int(draw.integers(mask.size))
    return np.roll(mask, (by // width, by % width), axis=(0, 1))


def blurred(photo: Image.Image, mask: NDArray[np.bool_], preprocess: Preprocess) -> Image.Image:
    """The photo with these cells of the model's map blurred; RGB, of the photo's size."""
    soft = photo.filter(ImageFilter.GaussianBlur(BLUR * max(photo.size)))
    cells = on_photo(mask.astype(np.float32), photo.size, preprocess, smooth=False)
    return Image.composite(soft, photo, Image.fromarray(np.rint(255 * cells).astype(np.uint8)))


def figures(attribute: str, before: Floats, top: Floats, random: Floats, seed: int = 0) -> Faithfulness:
    """From scores: before (n,), with the strongest region blurred (n,), with moved regions blurred (n, times)."""
    fall, other = before - top, before - random.mean(axis=1)
    difference = fall - other
    draw = np.random.default_rng(seed)
    means = difference[draw.integers(0, len(difference), (RESAMPLES, len(difference)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Faithfulness(
        attribute,
        len(before),
        float(before.mean()),
        float(fall.mean()),
        float(other.mean()),
        float(difference.mean()),
        float(low),
        float(high),
        float((difference > 0).mean()),
    )
