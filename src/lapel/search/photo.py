"""One photo read once: its content hash, the model's input, and the thumbnail that a catalogue keeps."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import ImageMissing
from lapel.images import Source, content_hash, decode_side, fit, normalise, open_image
from lapel.schema import Card, Model, Outputs, PhotoModel

THUMB_SIDE, THUMB_QUALITY = 256, 85
LEAST_DECODED = 192
"""Short side, in pixels, below which a thumbnail of 256 on its long side would be blown up."""


@dataclass(frozen=True)
class Photo:
    """hash: 32 hex digits of the file. pixels: (H, W, 3) uint8 as the model reads. thumb: JPEG, long side <= 256.

    picture: the whole photo, for a model that cuts crops out of it; None for the others.
    """

    hash: str
    pixels: NDArray[np.uint8]
    thumb: bytes
    picture: Image.Image | None = None


def decode_target(card: Card) -> int | None:
    """The least short side, in pixels, to decode a photo at; None: its full size, which crops are cut out of."""
    return None if card.crops else max(decode_side(card.preprocess), LEAST_DECODED)


def read_photo(path: Source, card: Card) -> Photo:
    """Read a file, or the bytes of one, once; the hash is that of the very bytes that were decoded.

    card: of the model that will embed it.

    Raises:
        ImageError: the file is missing or no picture; the message names it.
    """
    try:
        content = path if isinstance(path, bytes) else Path(path).read_bytes()
    except OSError:
        content = b""
    if not content:  # let the room that knows every reason say which one it is
        open_image(path)
        raise ImageMissing(str(path), "the file could not be read. Try again.")
    name = "(bytes)" if isinstance(path, bytes) else str(path)
    picture = open_image(content, name=name, target=decode_target(card))
    return _photo(content_hash(content), picture, card)


def from_picture(picture: Image.Image, card: Card) -> Photo:
    """The same for a picture in memory; it has no file, so its hash is empty."""
    return _photo("", picture.convert("RGB"), card)


def embed_photos(model: Model, photos: list[Photo]) -> Outputs:
    """One pass of the model over some photos, in order."""
    pictures = [photo.picture for photo in photos if photo.picture is not None]
    if pictures and isinstance(model, PhotoModel):
        return model.photos(pictures)
    return model(normalise(np.stack([photo.pixels for photo in photos]), model.card.preprocess))


def _photo(digest: str, picture: Image.Image, card: Card) -> Photo:
    pixels = fit(picture, card.preprocess)
    small = picture.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    jpeg = io.BytesIO()
    small.save(jpeg, "JPEG", quality=THUMB_QUALITY)
    return Photo(digest, pixels, jpeg.getvalue(), picture if card.crops else None)
