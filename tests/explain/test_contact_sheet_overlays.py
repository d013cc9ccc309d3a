"""Where a region lies on a photo, for each way of preparing it, against the pixels that the model really sees."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lapel.explain.overlays import frame, overlay
from lapel.images import fit
from lapel.schema import Preprocess


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (150, 150), (64, 500)])
@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(48, 48, "crop", 48),
        Preprocess(48, 48, "crop", 60),
        Preprocess(48, 36, "crop", 48),
        Preprocess(48, 64, "stretch", 48),
        Preprocess(48, 48, "pad", 48),
        Preprocess(60, 40, "pad", 48),
    ],
)
def test_the_frame_is_where_the_model_looks(size: tuple[int, int], preprocess: Preprocess) -> None:
    # A photo whose red grows to the right and whose green grows downwards tells where each input pixel came from.
    across = np.linspace(0, 255, size[0])[None, :].repeat(size[1], 0)
    down = np.linspace(0, 255, size[1])[:, None].repeat(size[0], 1)
    photo = Image.fromarray(np.stack([across, down, np.full_like(down, 9)], -1).astype(np.uint8))
    seen = fit(photo, preprocess).astype(float)
    left, top, width, height = frame(size, preprocess)
    for row, column in [(12, 10), (24, 18), (30, 27)]:
        pixel = seen[row, column]
        if pixel[2] > 20:  # the padding
            continue
        assert pixel[0] / 255 == pytest.approx(left + (column + 0.5) / preprocess.width * width, abs=0.04)
        assert pixel[1] / 255 == pytest.approx(top + (row + 0.5) / preprocess.height * height, abs=0.04)


def alpha(region: np.ndarray) -> np.ndarray:
    uri = overlay(region.astype(np.float32), (100, 100), Preprocess()).uri
    picture = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    return np.asarray(picture)[..., 3]


def test_the_map_is_strongest_where_the_model_looked_most() -> None:
    region = np.full((7, 7), 0.01)
    region[1, 5] = 0.5
    shown = alpha(region)
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert (row * 7 // shown.shape[0], column * 7 // shown.shape[1]) == (1, 5)
    assert shown[-8:, :8].max() == 0


def test_a_map_that_says_nothing_shows_nothing() -> None:
    assert alpha(np.full((7, 7), 1 / 49)).max() == 0
