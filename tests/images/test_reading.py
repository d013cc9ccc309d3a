"""Many pictures, by threads, in order; few in memory; errors raised or given in place."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from lapel.errors import ImageError, ImageMissing
from lapel.images import read_images


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{n}.png" for n in range(12)]
    for n, path in enumerate(paths):
        Image.new("RGB", (4, 4), (n, 0, 0)).save(path)
    return paths


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order_is_kept(photos: list[Path], workers: int) -> None:
    read = [(row, image.getpixel((0, 0))[0]) for row, image in read_images(photos, workers=workers)]  # type: ignore[union-attr,index]
    assert read == [(n, n) for n in range(12)]


def test_strict_raises_at_its_row_and_skip_goes_on(photos: list[Path]) -> None:
    photos[5] = photos[5].with_name("gone.png")
    seen = []
    with pytest.raises(ImageMissing, match=r"gone\.png"):
        for row, _ in read_images(photos):
            seen.append(row)
    assert seen == [0, 1, 2, 3, 4]
    results = dict(read_images(photos, skip=True))
    assert isinstance(results[5], ImageError) and sum(isinstance(r, Image.Image) for r in results.values()) == 11


def test_reading_ahead_is_bounded_and_stops_when_nobody_wants_more() -> None:
    opened, lock = [], threading.Lock()

    def slow(path: object) -> Image.Image:
        with lock:
            opened.append(path)
        return Image.new("RGB", (1, 1))

    reader = read_images((str(n) for n in range(10_000)), open=slow, workers=2)
    for _ in range(5):
        next(reader)
    time.sleep(0.05)
    assert len(opened) <= 5 + 2 * 4 + 3
    reader.close()  # type: ignore[attr-defined]
    count = len(opened)
    time.sleep(0.05)
    assert len(opened) == count
