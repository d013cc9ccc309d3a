"""Changes to training photos, each drawn from (seed, epoch, place, role) alone, so that a resumed run sees the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from lapel.images import cut, fit, scale
from lapel.schema import Preprocess
from lapel.training.distort import distort
from lapel.training.recipe import Augment, Distortion

Pixels = NDArray[np.uint8]


def generator(seed: int, epoch: int, place: int, role: int = 0) -> np.random.Generator:
    """The random source of one photo.

    place: its place in the epoch's order. role: anchor 0, negative 1, positive 2, the anchor's distorted copies 3, ...
    """
    return np.random.default_rng([seed, epoch, place, role, 0xA06])


def needs_photo(augment: Augment) -> bool:
    """Whether the change starts from the photo; otherwise the fitted pixels are enough (and can be kept)."""
    return augment.area < 1 or augment.jitter > 0 or augment.perspective > 0


def change_photo(
    photo: Image.Image,
    augment: Augment,
    preprocess: Preprocess,
    rng: np.random.Generator,
    copy: tuple[Distortion, float] | None = None,
) -> Pixels:
    """Crop and jitter a photo, then fit it: (height, width, 3).

    A photo of which a random part was taken is read whole, though the model reads the middle of others.

    copy: a distortion and its scale, applied to the resized photo before it is cut, as published; None: none.
    """
    photo = changed(photo, augment, rng)
    preprocess = preprocess.whole if augment.area < 1 else preprocess
    if copy is None:
        return fit(photo, preprocess)
    return np.array(cut(distort(scale(photo, preprocess), copy[0], copy[1], rng), preprocess))


def changed(photo: Image.Image, augment: Augment, rng: np.random.Generator) -> Image.Image:
    """A photo seen from aside, cropped and jittered, not fitted."""
    if augment.perspective > 0 and rng.random() < 0.5:
        photo = distort(photo, Distortion(), augment.perspective * rng.random(), rng)
    if augment.area < 1:
        photo = _random_part(photo, augment.area, rng)
    if augment.jitter > 0:
        for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            photo = change(photo).enhance(1 + augment.jitter * rng.uniform(-1, 1))
    return photo


def flip(pixels: Pixels, augment: Augment, rng: np.random.Generator) -> Pixels:
    """Left-right flip of fitted pixels, with the recipe's chance: after the crop, as published."""
    return pixels[:, ::-1] if rng.random() < augment.flip else pixels


def _random_part(photo: Image.Image, least: float, rng: np.random.Generator) -> Image.Image:
    """A part of the photo's own shape (up to a fifth wider or taller) with at least `least` of its area."""
    side = np.sqrt(rng.uniform(least, 1))
    stretch = rng.uniform(0.9, 1.1)
    width = min(photo.width, max(1, round(photo.width * side * stretch)))
    height = min(photo.height, max(1, round(photo.height * side / stretch)))
    left, top = rng.integers(0, photo.width - width + 1), rng.integers(0, photo.height - height + 1)
    return photo.crop((int(left), int(top), int(left) + width, int(top) + height))
