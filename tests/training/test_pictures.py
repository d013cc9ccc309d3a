"""Training photos: what augmentation does, that it depends on the place alone, and unreadable files."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from PIL import Image

from lapel.datasets import read
from lapel.errors import ImageError, ImageNotAnImage
from lapel.images import ImageCache, fit, open_image
from lapel.schema import Preprocess
from lapel.training.pictures import Pictures, ahead, leave_out_unreadable
from lapel.training.recipe import Augment
from training_data import tiny_set

SIZE = Preprocess(32, 32, short_side=32)
ROWS = np.arange(6)


@pytest.fixture
def items(tmp_path):
    return read(tiny_set(tmp_path / "shop"))


def pictures(items, tmp_path, augment=None, seed=1, memory=0):
    return Pictures(items.paths, ImageCache(tmp_path / "cache", 32), SIZE, augment or Augment(), seed, memory)


def test_without_augmentation_a_photo_is_what_serving_sees(items, tmp_path):
    batch = pictures(items, tmp_path, Augment(flip=0)).batch(ROWS, 1, ROWS)
    assert np.array_equal(batch, np.stack([fit(open_image(items.paths[n]), SIZE) for n in ROWS]))


def test_the_published_flip_turns_half_of_the_photos_each_on_its_own(items, tmp_path):
    plain = pictures(items, tmp_path, Augment(flip=0)).batch(np.zeros(400, np.int64), 1, np.arange(400))
    turned = pictures(items, tmp_path).batch(np.zeros(400, np.int64), 1, np.arange(400))
    flipped = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(turned, plain, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(turned, plain, strict=True)])
    assert (flipped ^ same).all()
    assert 150 < flipped.sum() < 250


@pytest.mark.parametrize("augment", [Augment(), Augment(area=0.5, jitter=0.3), Augment(perspective=0.5)])
def test_changes_depend_on_seed_epoch_place_and_role_alone(items, tmp_path, augment):
    many, few = pictures(items, tmp_path, augment), pictures(items, tmp_path, augment, memory=10**6)
    whole = many.batch(ROWS, 2, ROWS + 100)
    for _ in range(2):  # the second time from memory
        single = np.stack([few.batch(ROWS[n : n + 1], 2, ROWS[n : n + 1] + 100)[0] for n in reversed(ROWS)])[::-1]
        assert np.array_equal(whole, single)
    for other in (
        many.batch(ROWS, 3, ROWS + 100),
        many.batch(ROWS, 2, ROWS),
        many.batch(ROWS, 2, ROWS + 100, role=1),
        pictures(items, tmp_path, augment, seed=2).batch(ROWS, 2, ROWS + 100),
    ):
        assert not np.array_equal(whole, other)


def test_a_random_part_keeps_its_share_of_the_photo(tmp_path):
    ramp = np.zeros((100, 100, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(100), np.arange(100)[:, None]
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    size = Preprocess(100, 100, short_side=100)
    cache = ImageCache(tmp_path / "cache", 100)
    drawn = Pictures([tmp_path / "ramp.png"], cache, size, Augment(flip=0, area=0.5), 1, 0)
    batch = drawn.batch(np.zeros(50, np.int64), 1, np.arange(50)).astype(float)
    width = np.ptp(batch[..., 0].mean(axis=1), axis=1) + 1
    height = np.ptp(batch[..., 1].mean(axis=2), axis=1) + 1
    share = width * height / 100**2
    assert share.min() > 0.42 and share.max() < 1.01 and share.max() - share.min() > 0.3


def test_a_random_part_is_read_whole_by_a_model_that_reads_the_middle_of_other_photos(items, tmp_path):
    asked = Preprocess(24, 24, "stretch", centre=0.5)
    seen = {}
    for name, preprocess in (("middle", asked), ("whole", asked.whole)):
        for area in (1.0, 0.5):
            cache = ImageCache(tmp_path / "cache", 64)
            drawn = Pictures(items.paths, cache, preprocess, Augment(flip=0, area=area), 1, 0)
            seen[name, area] = drawn.batch(ROWS, 1, ROWS)
    assert np.array_equal(seen["middle", 0.5], seen["whole", 0.5])
    assert not np.array_equal(seen["middle", 1.0], seen["whole", 1.0])


def test_memory_is_bounded(items, tmp_path):
    photos = pictures(items, tmp_path, memory=3 * 32 * 32 * 3)
    photos.batch(ROWS, 1, ROWS)
    assert len(photos._held) == 3


def test_a_corrupt_photo_stops_training_by_name(items, tmp_path):
    items.paths[2].write_bytes(b"not a photo")
    with pytest.raises(ImageNotAnImage, match=r"002\.png"):
        pictures(items, tmp_path).batch(ROWS, 1, ROWS)


def test_skip_mode_leaves_unreadable_photos_out_and_names_them(items, tmp_path):
    items.paths[2].write_bytes(b"not a photo")
    items.paths[4].write_bytes(b"")
    kept, errors = leave_out_unreadable(items, ImageCache(tmp_path / "cache", 32), 2)
    assert len(kept) == len(items) - 2 and not {"images/002.png", "images/004.png"} & set(kept.ids)
    assert [error.path.name for error in errors] == ["002.png", "004.png"]


def test_when_nothing_can_be_read_the_first_error_is_raised(items, tmp_path):
    for path in items.paths:
        path.write_bytes(b"")
    with pytest.raises(ImageError, match=r"000\.png"):
        leave_out_unreadable(items, ImageCache(tmp_path / "cache", 32), 2)


def test_ahead_keeps_the_order_works_in_parallel_and_passes_errors_on():
    seen = set()

    def slow(n):
        seen.add(threading.get_ident())
        time.sleep(0.002 * (5 - n % 5))
        if n == 17:
            raise ImageError("x.png", "is broken")
        return n

    made = ahead(range(30), slow, 2)
    assert [next(made) for _ in range(17)] == list(range(17))
    with pytest.raises(ImageError, match="is broken"):
        next(made)
    assert len(seen) == 2
