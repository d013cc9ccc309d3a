"""The heat map: at the right place of the photo, in an order that everybody can read, silent where nothing is said."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lapel.errors import ShapeError
from lapel.explain.heat_map import colours, heat_map, jpeg_uri, on_photo
from lapel.images import fit
from lapel.schema import Preprocess

WAYS = [
    Preprocess(48, 48, "crop", 48),
    Preprocess(48, 36, "crop", 60),
    Preprocess(48, 64, "stretch", 48),
    Preprocess(60, 40, "pad", 48),
]


@pytest.mark.parametrize("preprocess", WAYS)
@pytest.mark.parametrize("size", [(240, 120), (120, 240), (150, 150)])
@pytest.mark.parametrize("cell", [(2, 1), (3, 4), (4, 2)])
def test_what_the_model_sees_in_a_cell_lies_under_the_maps_peak(
    size: tuple[int, int], preprocess: Preprocess, cell: tuple[int, int]
) -> None:
    # A map on a 6 x 6 grid is laid on the photo; the photo so marked, prepared as for the model, peaks in that cell.
    region = np.zeros((6, 6), np.float32)
    region[cell] = 1
    strength = on_photo(region, size, preprocess)
    assert strength.shape == (size[1], size[0])
    marked = Image.fromarray(np.rint(255 * strength).astype(np.uint8)).convert("RGB")
    if strength.max() < 0.9:  # the cell is padding; its smooth edge at most touches the photo
        assert preprocess.resize == "pad"
        return
    seen = fit(marked, Preprocess(**{**vars(preprocess), "fill": 0}))[..., 0].astype(float)
    rows, columns = np.nonzero(seen > 0.8 * seen.max())
    assert int(rows.mean() * 6 / preprocess.height) == cell[0]
    assert int(columns.mean() * 6 / preprocess.width) == cell[1]


def test_outside_a_centre_crop_the_photo_stays_as_it_is() -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (100, 300, 3), dtype=np.uint8))
    region = np.arange(49, dtype=np.float32).reshape(7, 7)
    shown = np.asarray(heat_map(photo, region, Preprocess(50, 50, "crop", 50)))
    changed = (shown != np.asarray(photo)).any(-1)
    assert shown.shape == (100, 300, 3)
    assert not changed[:, :99].any() and not changed[:, 201:].any()
    assert changed[:, 101:199].mean() > 0.9


def test_more_attention_is_a_lighter_colour_also_for_those_who_do_not_see_red_or_green() -> None:
    steps = colours(np.linspace(0, 1, 64, dtype=np.float32)) / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    # Luminance of sRGB, and of what is left of it without the red- or the green-sensitive cones (the rest scaled).
    for weights in [(0.2126, 0.7152, 0.0722), (0.0, 0.92, 0.08), (0.72, 0.2, 0.08)]:
        assert (np.diff(linear @ np.array(weights)) > 0).all(), weights


def test_the_strongest_place_is_covered_as_asked_and_the_weakest_not_at_all() -> None:
    photo = Image.new("RGB", (70, 70), (10, 200, 90))
    region = np.zeros((7, 7), np.float32)
    region[3, 3] = 0.4
    shown = np.asarray(heat_map(photo, region, Preprocess(70, 70, "stretch"), strongest=1.0)).astype(int)
    assert np.abs(shown[35, 35] - colours(np.float32(1.0))).max() < 40
    assert (shown[2, 2] == (10, 200, 90)).all()
    assert (np.asarray(heat_map(photo, region, Preprocess(70, 70, "stretch"), strongest=0.0)) == (10, 200, 90)).all()


def test_a_map_that_is_the_same_everywhere_changes_nothing() -> None:
    photo = Image.new("RGB", (40, 60), (1, 2, 3))
    shown = heat_map(photo, np.full((7, 7), 1 / 49, np.float32), Preprocess(32, 32, "pad"))
    assert (np.asarray(shown) == (1, 2, 3)).all()


def test_all_maps_of_a_picture_at_once_are_refused_with_their_shape() -> None:
    with pytest.raises(ShapeError, match=r"A region is \(8, 7, 7\); expected \(h, w\)"):
        heat_map(Image.new("RGB", (8, 8)), np.zeros((8, 7, 7), np.float32), Preprocess())


def test_a_data_uri_holds_the_picture() -> None:
    uri = jpeg_uri(Image.new("RGB", (30, 20), (200, 10, 10)))
    kind, content = uri.split(",", 1)
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (30, 20))
