"""Sizes, cuts and numbers equal those of torchvision's published chain."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lapel.errors import ShapeError
from lapel.images import decode_side, fit, frame, normalise
from lapel.schema import Preprocess

SIZES = [(300, 200), (200, 300), (224, 224), (500, 225), (225, 501), (97, 31), (1000, 333), (256, 224), (641, 427)]


def picture(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.random.default_rng(sum(size)).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("short", "cut", "way"), [(224, 224, "bilinear"), (256, 224, "bilinear"), (73, 64, "bicubic")])
def test_crop_equals_torchvision_to_the_bit(size: tuple[int, int], short: int, cut: int, way: str) -> None:
    pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms")
    mode = transforms.InterpolationMode(way)
    chain = transforms.Compose([transforms.Resize(short, mode), transforms.CenterCrop(cut)])
    preprocess = Preprocess(height=cut, width=cut, short_side=short, interpolation=way)  # type: ignore[arg-type]
    image = picture(size)
    assert np.array_equal(fit(image, preprocess), np.asarray(chain(image)))
    tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize(preprocess.mean, preprocess.std)])
    ours = normalise(fit(image, preprocess)[None], preprocess)[0]
    assert np.array_equal(ours, tensor(chain(image)).numpy())


def test_crop_on_paper() -> None:
    # 30 x 10 scaled to short side 20 is 60 x 20; the middle 20 columns are source columns 10..19.
    image = Image.new("RGB", (30, 10), (255, 0, 0))
    image.paste((0, 0, 255), (10, 0, 20, 10))
    cut = fit(image, Preprocess(height=20, width=20, short_side=20))
    assert cut.shape == (20, 20, 3) and cut.dtype == np.uint8
    assert (cut[:, 2:-2] == (0, 0, 255)).all()


def test_a_window_larger_than_the_resized_picture_is_filled() -> None:
    image = Image.new("RGB", (10, 10), (9, 9, 9))
    cut = fit(image, Preprocess(height=14, width=14, short_side=10, fill=200))
    assert (cut[2:12, 2:12] == 9).all() and (cut[:2] == 200).all() and (cut[:, 12:] == 200).all()


def test_stretch_and_pad() -> None:
    wide = Image.new("RGB", (40, 10), (0, 0, 0))
    stretched = fit(wide, Preprocess(height=16, width=8, resize="stretch"))
    assert stretched.shape == (16, 8, 3) and (stretched == 0).all()
    padded = fit(wide, Preprocess(height=20, width=20, resize="pad", fill=255))
    assert (padded[8:13, :] == 0).sum() >= 5 * 20 * 3 - 60
    assert (padded[:7] == 255).all() and (padded[-7:] == 255).all()
    assert fit(Image.new("RGB", (1000, 1)), Preprocess(height=20, width=20, resize="pad")).shape == (20, 20, 3)


@pytest.mark.parametrize("size", [(40, 30), (300, 200), (97, 131)])
def test_the_middle_of_a_stretched_photo_by_plain_loops(size: tuple[int, int]) -> None:
    image, asked = picture(size), Preprocess(height=24, width=16, resize="stretch", centre=0.8)
    whole = np.asarray(image.resize((20, 30), Image.Resampling.BILINEAR))
    cut = fit(image, asked)
    for y in range(24):
        for x in range(16):
            assert tuple(cut[y, x]) == tuple(whole[y + 3, x + 2])
    assert np.array_equal(fit(image, asked.whole), fit(image, Preprocess(height=24, width=16, resize="stretch")))


def test_the_frame_says_which_part_of_a_stretched_photo_is_read() -> None:
    left, top, width, height = frame((500, 100), Preprocess(height=24, width=16, resize="stretch", centre=0.8))
    assert (left, top, width, height) == pytest.approx((0.1, 0.1, 0.8, 0.8))
    assert frame((500, 100), Preprocess(height=24, width=16, resize="stretch")) == (0, 0, 1, 1)


def test_a_decoded_photo_is_large_enough_for_the_middle_that_is_read() -> None:
    assert decode_side(Preprocess(height=24, width=16, resize="stretch", centre=0.8)) == 30


def test_a_centre_of_one_is_not_said_so_that_older_cards_keep_their_fingerprint() -> None:
    assert "centre" not in Preprocess().to_dict()
    asked = Preprocess(resize="stretch", centre=0.8)
    assert Preprocess.from_dict(asked.to_dict()) == asked


def test_normalise_follows_the_formula_and_is_contiguous() -> None:
    preprocess = Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    result = normalise(pixels, preprocess)
    expected = ((pixels / 255 - preprocess.mean) / preprocess.std).transpose(0, 3, 1, 2)
    assert result.shape == (3, 3, 5, 7) and result.dtype == np.float32 and result.flags.c_contiguous
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_normalise_refuses_another_layout() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3, 8, 8\); expected \(B, H, W, 3\)"):
        normalise(np.zeros((2, 3, 8, 8), np.uint8), Preprocess())
