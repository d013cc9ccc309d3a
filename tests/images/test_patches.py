import numpy as np
from PIL import Image

from lapel.images.patches import boxes, clip_preprocess, crops, square_pad, target_pad


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8))


def test_target_pad_leaves_squarish_pictures_alone_and_pads_long_ones_to_the_ratio() -> None:
    squarish = picture(100, 120)
    assert target_pad(squarish) is squarish
    padded = target_pad(picture(100, 250))
    assert padded.size == (200, 250)
    assert np.asarray(padded)[:, :50].max() == 0 and np.asarray(padded)[:, 150:].max() == 0
    assert square_pad(picture(100, 50)).size == (100, 100)


def test_crops_tile_the_squeezed_picture_in_the_order_of_their_boxes() -> None:
    image = picture(400, 300)
    square = np.asarray(image.resize((360, 360), Image.Resampling.LANCZOS))
    found = crops(image)
    assert len(found) == len(boxes(360, 360)) == 13
    for crop, box in zip(found, boxes(360, 360), strict=True):
        left, top, right, bottom = map(int, box)
        np.testing.assert_array_equal(np.asarray(crop), square[top:bottom, left:right])


def test_clip_reads_bicubic_centre_crops() -> None:
    asked = clip_preprocess(288)
    assert (asked.height, asked.width, asked.short_side, asked.interpolation) == (288, 288, 288, "bicubic")
