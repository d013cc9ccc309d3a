"""Same file, or same picture? A hash of the bytes, a hash of the look, and a thumbnail to compare by. Pure NumPy."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.images.files import Source, open_source

SIDE = 17
"""Rows and columns of a thumbnail: 16 x 16 brightness steps each way."""


def content_hash(source: Source) -> str:
    """32 hex digits of the file's bytes (BLAKE2b, 128 bits): equal exactly when the files are equal.

    Raises:
        ImageError: the file is missing, empty or cannot be opened.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open_source(source) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def perceptual_hash(image: Image.Image) -> int:
    """64 bits of the look: which of the 64 lowest frequencies of the grey 32 x 32 picture lie above their median.

    Stays the same, but for a few bits, under scaling, re-encoding and small changes of light.
    """
    small = image.convert("L").resize((32, 32), Image.Resampling.BOX, reducing_gap=3.0)
    grey = np.asarray(small, np.float64)
    basis = _cosines()
    low = (basis @ grey @ basis.T)[1:, 1:].ravel()
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """(289,) uint8: the grey picture at 17 x 17, by which `near_groups` confirms what the hashes suggest."""
    return np.array(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=3.0)).ravel()


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """(9, 32): the first nine rows of the type-II discrete cosine transform."""
    frequency, place = np.arange(9)[:, None], np.arange(32)[None, :]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / 64))
