"""From attention map to box on the photo: the published arithmetic, plainly recomputed, and what it leaves open."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lapel.errors import ShapeError
from lapel.images import boxes, crop_boxes, cut_crops, rectangles
from lapel.schema import Crops, Preprocess


def plain_rectangle(attention, threshold, side=224):
    """The steps of the fact sheet, a pixel at a time."""
    high, wide = attention.shape
    big = [[0.0] * side for _ in range(side)]
    for row in range(side):
        y = max(0.0, (row + 0.5) * high / side - 0.5)
        y0, y1 = int(y), min(int(y) + 1, high - 1)
        for column in range(side):
            x = max(0.0, (column + 0.5) * wide / side - 0.5)
            x0, x1 = int(x), min(int(x) + 1, wide - 1)
            top = (1 - x + x0) * attention[y0, x0] + (x - x0) * attention[y0, x1]
            bottom = (1 - x + x0) * attention[y1, x0] + (x - x0) * attention[y1, x1]
            big[row][column] = (1 - y + y0) * top + (y - y0) * bottom
    least, most = min(map(min, big)), max(map(max, big))
    kept = [
        (row, column)
        for row in range(side)
        for column in range(side)
        if int((big[row][column] - least) / (most - least) * 255) > int(255 * threshold)
    ]
    rows, columns = [r for r, _ in kept], [c for _, c in kept]
    return min(columns), min(rows), max(columns) - min(columns) + 1, max(rows) - min(rows) + 1


def plain_box(rectangle, size, side=224):
    x, y, w, h = rectangle
    d = max(w, h)
    corner = []
    for low, extent in ((x, w), (y, h)):
        centre = low + extent // 2
        corner.append(side - d if centre + d // 2 > side else max(0, centre - d // 2))
    width, height = size
    short = min(width, height)
    left, top, d = (int(value / side * short) for value in (*corner, d))
    if width < height:
        top += (height - width) // 2
    else:
        left += (width - height) // 2
    return left, top, left + d, top + d


def some_maps(count, seed=0, cells=14):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:cells, :cells]
    centres, width = rng.uniform(-1, cells, (count, 2)), rng.uniform(0.5, 4, count)
    maps = [
        np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / w**2) + 0.03 * rng.random((cells, cells))
        for (cy, cx), w in zip(centres, width, strict=True)
    ]
    return np.stack(maps)


@pytest.mark.parametrize("threshold", [0.1, 0.4, 0.7])
def test_rectangles_and_boxes_are_those_of_the_plain_steps(threshold):
    maps = some_maps(6, seed=int(threshold * 10))
    sizes = [(300, 400), (400, 300), (224, 224), (97, 640), (1000, 750), (333, 334)]
    plain = [plain_rectangle(one, threshold) for one in maps]
    assert rectangles(maps, threshold).tolist() == [list(one) for one in plain]
    assert boxes(maps, sizes, threshold).tolist() == [
        list(plain_box(one, size)) for one, size in zip(plain, sizes, strict=True)
    ]


def test_golden_crops_to_the_pixel(shared: Path):
    facts = json.loads((shared / "golden" / "asenpp_crops.json").read_text())
    expected = np.load(shared / "golden" / "asenpp_crops.npz")
    for at, crop in enumerate(facts["crops"]):
        one, size = expected["maps"][at : at + 1], (crop["image"]["width"], crop["image"]["height"])
        assert rectangles(one, crop["threshold"])[0].tolist() == expected["rects"][at].tolist()
        assert boxes(one, [size], crop["threshold"])[0].tolist() == expected["boxes"][at].tolist()


@pytest.mark.parametrize(
    "flat", [np.zeros((1, 14, 14)), np.full((1, 14, 14), 0.1, np.float32), np.full((1, 14, 14), np.nan)]
)
def test_a_map_that_says_nothing_asks_for_the_whole_centre_square(flat):
    assert rectangles(flat, 0.4).tolist() == [[0, 0, 224, 224]]
    assert boxes(flat, [(300, 200)], 0.4).tolist() == [[50, 0, 250, 200]]


def test_a_tiny_photo_still_gives_a_pixel():
    one = np.zeros((1, 14, 14))
    one[0, 7, 7] = 1
    left, top, right, bottom = boxes(one, [(3, 5)], 0.9)[0].tolist()
    assert (right - left, bottom - top) == (1, 1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    threshold=st.sampled_from([0.0, 0.1, 0.5, 0.95]),
    resize=st.sampled_from(["crop", "stretch", "pad"]),
)
def test_other_preprocessing_gives_boxes_in_the_inputs_proportions(seed, size, threshold, resize):
    preprocess = Preprocess(height=96, width=64, resize=resize, short_side=96)
    box = crop_boxes(some_maps(1, seed, cells=6), [size], preprocess, threshold)[0]
    width, height = box[2] - box[0], box[3] - box[1]
    assert width >= 1 and height >= 1
    if resize == "stretch":
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
        assert abs(width / size[0] - height / size[1]) <= 1.6 / min(size) + 1 / 64


def test_crops_of_all_maps_are_cut_from_each_photo_and_black_beyond_it():
    photo = Image.new("RGB", (40, 40))
    photo.paste((250, 0, 0), (0, 0, 20, 20))
    photo.paste((0, 250, 0), (20, 20, 40, 40))
    maps = np.zeros((1, 2, 14, 14), np.float32)
    maps[0, 0, 1:4, 1:4] = maps[0, 1, 10:13, 10:13] = 1
    crops = cut_crops([photo], maps, Preprocess(), Crops(threshold=0.4, height=8, width=8))
    assert crops.shape == (1, 2, 8, 8, 3)
    assert (crops[0, 0] == (250, 0, 0)).all() and (crops[0, 1] == (0, 250, 0)).all()
    with pytest.raises(ShapeError, match=r"Maps are \(2, 14\)"):
        rectangles(np.zeros((2, 14)), 0.4)
