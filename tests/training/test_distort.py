"""Distorted copies: the published corner arithmetic and pixels, and the distortions that are ours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lapel.training.distort import affine, distort, draw_corners, perspective
from lapel.training.recipe import Distortion


def picture(width: int = 61, height: int = 47) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(
        np.stack([columns * 4 % 256, rows * 5 % 256, (rows + columns) * 2 % 256], -1).astype(np.uint8)
    )


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(61, 47), (224, 298)])
def test_perspective_gives_torchvisions_pixels(interpolation: str, size: tuple[int, int]) -> None:
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    from torchvision.transforms import InterpolationMode

    photo, (width, height) = picture(*size), size
    corners = draw_corners(width, height, 0.4, np.random.default_rng(3))
    edges = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    theirs = functional.perspective(photo, edges, corners.tolist(), interpolation=InterpolationMode(interpolation))
    kind = Distortion(interpolation=interpolation)
    ours = distort(photo, kind, 0.4, np.random.default_rng(3))
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_corners_are_uniform_over_the_published_range_ends_included() -> None:
    width, height, scale = 41, 30, 0.4
    across, down = int(scale * (width // 2)), int(scale * (height // 2))
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_corners(width, height, scale, rng) for _ in range(3000)])
    ranges = {
        0: ((0, across), (0, down)),
        1: ((width - 1 - across, width - 1), (0, down)),
        2: ((width - 1 - across, width - 1), (height - 1 - down, height - 1)),
        3: ((0, across), (height - 1 - down, height - 1)),
    }
    for corner, limits in ranges.items():
        for axis, (least, most) in enumerate(limits):
            values, counts = np.unique(drawn[:, corner, axis], return_counts=True)
            assert (values.min(), values.max()) == (least, most) and len(values) == most - least + 1
            expected = 3000 / len(values)
            assert ((counts - expected) ** 2 / expected).sum() < 40, "uniform: chi square of at most 8 degrees"


def test_corners_of_the_picture_go_where_they_were_drawn() -> None:
    corners = draw_corners(61, 47, 0.5, np.random.default_rng(1))
    a, b, c, d, e, f, g, h = perspective(61, 47, corners)
    for (x, y), edge in zip(corners, [(0, 0), (60, 0), (60, 46), (0, 46)], strict=True):
        below = g * x + h * y + 1
        assert ((a * x + b * y + c) / below, (d * x + e * y + f) / below) == pytest.approx(edge, abs=1e-4)


@pytest.mark.parametrize("kind", ["perspective", "affine", "rotation"])
def test_scale_zero_changes_nothing_and_larger_scales_leave_black(kind: str) -> None:
    photo = Image.new("RGB", (64, 64), (200, 180, 160))
    asked = Distortion(kind=kind)
    assert np.array_equal(np.asarray(distort(photo, asked, 0.0, np.random.default_rng(0))), np.asarray(photo))
    black = []
    for scale in (0.1, 0.8):
        copies = [np.asarray(distort(photo, asked, scale, np.random.default_rng(n))) for n in range(30)]
        assert all(copy.shape == (64, 64, 3) for copy in copies)
        black.append(np.mean([(copy == 0).all(axis=2).mean() for copy in copies]))
    assert 0 < black[0] < black[1] < 0.75


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    photo = picture(40, 40)
    matrix = affine(40, 40, degrees=90)
    turned = photo.transform((40, 40), Image.Transform.AFFINE, matrix.tolist(), Image.Resampling.NEAREST)
    assert np.array_equal(np.asarray(turned), np.rot90(np.asarray(photo), -1))


def test_affine_zooms_and_shifts_about_the_centre() -> None:
    a, b, c, d, e, f = affine(40, 20, zoom=2.0, shift=(4.0, 0.0))
    assert (a, b, d, e) == pytest.approx((0.5, 0, 0, 0.5))
    assert (a * 24 + b * 10 + c, d * 24 + e * 10 + f) == pytest.approx((20, 10)), "the centre moves by the shift"
