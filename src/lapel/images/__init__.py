"""The one place that opens images: path or bytes -> RGB -> model input; the cache of resized photos; hashes."""

from lapel.images.fingerprints import Fingerprint, HashStore, fingerprints
from lapel.images.fitting import fit, normalise
from lapel.images.hashing import NEAR, content_hash, near_groups, perceptual_hash
from lapel.images.opening import MAX_PIXELS, open_image
from lapel.images.reading import read_images
from lapel.images.resized import ImageCache

__all__ = [
    "MAX_PIXELS",
    "NEAR",
    "Fingerprint",
    "HashStore",
    "ImageCache",
    "content_hash",
    "fingerprints",
    "fit",
    "near_groups",
    "normalise",
    "open_image",
    "perceptual_hash",
    "read_images",
]
