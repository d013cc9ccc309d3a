"""The one place that opens images: path or bytes -> RGB -> model input; the cache of resized photos; hashes."""

from lapel.images.cropping import boxes, crop_boxes, cut_crops, frame, pictures_of, rectangles
from lapel.images.files import Source
from lapel.images.fingerprinting import Fingerprint, HashStore, contents, fingerprints, look_alikes
from lapel.images.fitting import cut, decode_side, fit, normalise, scale
from lapel.images.hashing import content_hash, perceptual_hash, thumbnail
from lapel.images.near import alike, near_groups
from lapel.images.opening import MAX_PIXELS, open_image
from lapel.images.reading import read_images
from lapel.images.resized import ImageCache

__all__ = [
    "MAX_PIXELS",
    "Fingerprint",
    "HashStore",
    "ImageCache",
    "Source",
    "alike",
    "boxes",
    "content_hash",
    "contents",
    "crop_boxes",
    "cut",
    "cut_crops",
    "decode_side",
    "fingerprints",
    "fit",
    "frame",
    "look_alikes",
    "near_groups",
    "normalise",
    "open_image",
    "perceptual_hash",
    "pictures_of",
    "read_images",
    "rectangles",
    "scale",
    "thumbnail",
]
