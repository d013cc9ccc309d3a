"""One drawn item: its picture, and the masks that come from the same shapes."""

import math

import numpy as np
import pytest

from lapel.errors import InputError
from lapel.synth import ATTRIBUTES, draw_item
from lapel.synth.canvas import Canvas
from lapel.synth.fabric import PALETTE
from lapel.synth.labels import labels_of
from lapel.synth.sheet import find_example

LOCAL = [a for a in ATTRIBUTES if a not in ("category", "color", "pattern")]


def test_picture_labels_and_masks_belong_together() -> None:
    for index in range(12):
        image, labels, masks = draw_item(2, index, 128)
        assert image.size == (128, 128) and image.mode == "RGB"
        assert labels == labels_of(2, index)
        assert list(masks) == list(labels)
        for attribute, mask in masks.items():
            assert mask.shape == (128, 128) and mask.dtype == bool
            assert 0.001 < mask.mean() < 0.8, (index, attribute)


@pytest.mark.parametrize("attribute", LOCAL)
def test_every_value_can_be_drawn_and_has_a_region(attribute: str) -> None:
    for value in ATTRIBUTES[attribute]:
        _, labels, masks = draw_item(4, find_example(4, attribute, value), 96)
        assert labels[attribute] == value
        assert masks[attribute].sum() >= 9
        assert masks[attribute].sum() <= masks["color"].sum() * 1.2


def test_color_pattern_and_category_share_the_whole_garment() -> None:
    masks = draw_item(0, 3, 96)[2]
    assert np.array_equal(masks["color"], masks["pattern"]) and np.array_equal(masks["color"], masks["category"])


def test_cloth_regions_lie_in_the_garment() -> None:
    for attribute in ("skirt_length", "pant_length", "coat_length", "collar_design", "neck_design"):
        for skip in range(3):
            masks = draw_item(6, find_example(6, attribute, ATTRIBUTES[attribute][-1], skip), 128)[2]
            assert not (masks[attribute] & ~masks["color"]).any()


def test_the_neck_is_above_the_skirt() -> None:
    seen = 0
    for index in range(60):
        labels = labels_of(8, index)
        if "skirt_length" in labels and "neckline_design" in labels:
            masks = draw_item(8, index, 96)[2]
            heights = [np.nonzero(masks[a])[0].mean() for a in ("neckline_design", "skirt_length")]
            assert heights[0] < heights[1] - 5
            seen += 1
    assert seen >= 3


def test_the_named_color_is_the_nearest_under_the_mask() -> None:
    """The mask finds the cloth, and the cloth has the colour that the label says."""
    right = total = 0
    for index in range(150):
        labels = labels_of(9, index)
        if labels["pattern"] != "solid":
            continue
        image, _, masks = draw_item(9, index, 96)
        middle = np.median(np.asarray(image)[masks["color"]], axis=0)
        right += min(PALETTE, key=lambda name: math.dist(PALETTE[name], middle)) == labels["color"]
        total += 1
    assert total >= 15 and right >= 0.9 * total


def test_a_mask_is_the_same_region_at_another_size() -> None:
    for index in (1, 5, 9):
        small, large = draw_item(0, index, 96)[2], draw_item(0, index, 192)[2]
        for attribute, mask in small.items():
            other = large[attribute].reshape(96, 2, 96, 2).mean((1, 3)) >= 0.5
            assert (mask & other).sum() > 0.75 * (mask | other).sum(), (index, attribute)


def test_what_covers_a_piece_covers_its_mask() -> None:
    from lapel.synth.camera import Camera
    from lapel.synth.rasterise import flat_drawing, regions

    canvas = Canvas()
    canvas.shape([(0, 0), (100, 0), (100, 100), (0, 100)], "#fff", ("garment", "skirt_length"))
    canvas.zone("neckline_design", [(0, 0), (40, 0), (40, 40), (0, 40)])
    canvas.shape([(0, 0), (20, 0), (20, 100), (0, 100)], "#000", ("cover",))
    flat = flat_drawing(canvas, Camera(1, 0, 0, 1, 0, 0), 256)
    found = regions(canvas, flat, ("skirt_length", "neckline_design"))
    assert found["skirt_length"].sum() == 80 * 100
    assert found["neckline_design"].sum() == 20 * 40


def test_clothes_drawn_aside_have_no_region() -> None:
    canvas = Canvas()
    with canvas.aside():
        canvas.shape([(0, 0), (9, 0), (9, 9)], "#fff", ("garment", "skirt_length"))
        canvas.zone("skirt_length", [(0, 0), (9, 0), (9, 9)])
    assert not canvas.zones and all("garment" not in p.tags for p in canvas.pieces)


def test_a_canvas_with_very_many_pieces_keeps_its_tags() -> None:
    canvas = Canvas()
    for i in range(300):
        canvas.shape([(i, 0), (i + 5, 0), (i, 9)], "#fff", ("garment",), profile="cloth")
    assert len(canvas.pieces) == 256
    assert canvas.pieces[int(canvas.ids[-1].split("#0000")[1][:2], 16)].tags == {"garment"}


@pytest.mark.parametrize(("index", "size"), [(-1, 256), (0, 8), (0, 5000)])
def test_numbers_out_of_range_are_refused(index: int, size: int) -> None:
    with pytest.raises(InputError, match="is -1|may be 64 to 2048"):
        draw_item(0, index, size)
