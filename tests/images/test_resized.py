"""The cache of resized photos gives the same picture every time, whatever happens to its files."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapel import cache
from lapel.errors import ImageEmpty, ImageMissing, ImageTruncated
from lapel.images import ImageCache, open_image
from lapel.schema import Preprocess


def photo(
    path: Path, size: tuple[int, int] = (900, 600), colour: tuple[int, int, int] = (200, 30, 40), **options: object
) -> Path:
    image = Image.new("RGB", size, colour)
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    image.save(path, **options)
    return path


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def test_a_photo_is_resized_once_and_then_read_from_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = photo(tmp_path / "a.jpg"), tmp_path / "cache"
    first = ImageCache(folder, 100).open(path)
    assert first.size == (150, 100) and first.mode == "RGB"
    assert np.abs(np.subtract(first.getpixel((20, 50)), (200, 30, 40))).max() < 6
    assert len(entries(folder)) == 1

    import lapel.images.resized as room

    def refuse(*_: object) -> None:
        raise AssertionError("the original was read again")

    monkeypatch.setattr(room, "open_source", refuse)
    monkeypatch.setattr(room, "content_hash", refuse)
    again = ImageCache(folder, 100).open(str(path))
    assert np.array_equal(np.asarray(first), np.asarray(again))


def test_orientation_and_alpha_are_settled_in_the_copy(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = ImageCache(tmp_path / "c", 100).open(photo(tmp_path / "t.jpg", exif=exif))
    assert turned.size == (100, 150)
    Image.new("RGBA", (400, 400), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert ImageCache(tmp_path / "c", 100).open(tmp_path / "clear.png").getpixel((50, 50)) == (255, 255, 255)


def test_small_originals_are_read_themselves(tmp_path: Path) -> None:
    path = photo(tmp_path / "small.jpg", (124, 130))
    image = ImageCache(tmp_path / "c", 100).open(path)
    assert np.array_equal(np.asarray(image), np.asarray(open_image(path)))
    assert not (tmp_path / "c").exists()


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path, photos = photo(tmp_path / "a.png"), ImageCache(tmp_path / "c", 100)
    before = photos.open(path).getpixel((10, 10))
    stat = path.stat()
    photo(path, colour=(10, 200, 40))
    assert photos.open(path).getpixel((10, 10)) != before
    # Also for who has never seen it, and when a program puts the old time back.
    photo(path, colour=(90, 90, 90))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert np.abs(np.subtract(ImageCache(tmp_path / "c", 100).open(path).getpixel((10, 10)), 90)).max() < 4
    path.write_bytes(b"")
    with pytest.raises(ImageEmpty):
        photos.open(path)
    path.unlink()
    with pytest.raises(ImageMissing):
        photos.open(path)


def test_equal_files_share_one_copy_and_sizes_do_not(tmp_path: Path) -> None:
    first = photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(first.read_bytes())
    for side in (100, 60):
        for name in ("a.jpg", "b.jpg"):
            assert min(ImageCache(tmp_path / "c", side).open(tmp_path / name).size) == side
    assert len(entries(tmp_path / "c")) == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "gone", "no trailer"])
def test_a_damaged_copy_is_made_again(damage: str, tmp_path: Path) -> None:
    path, folder = photo(tmp_path / "a.jpg"), tmp_path / "c"
    good = np.asarray(ImageCache(folder, 100).open(path))
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :]
    damaged = {"empty": b"", "cut": whole[:middle], "flipped": flipped, "text": b"hello", "no trailer": whole[:-8]}
    entry.write_bytes(damaged.get(damage, b""))
    if damage == "gone":
        entry.unlink()
    assert np.array_equal(np.asarray(ImageCache(folder, 100).open(path)), good)
    assert entry.read_bytes() == whole


def test_a_damaged_reference_is_made_again(tmp_path: Path) -> None:
    path, folder = photo(tmp_path / "a.jpg"), tmp_path / "c"
    good = np.asarray(ImageCache(folder, 100).open(path))
    (ref,) = [file for file in (folder / "refs").rglob("*") if file.is_file()]
    for content in (b"", b"\xff\xfe", b"1 2 3"):
        ref.write_bytes(content)
        assert np.array_equal(np.asarray(ImageCache(folder, 100).open(path)), good)


OPEN_ALL = """
import sys
from pathlib import Path
import numpy as np
from lapel.images import ImageCache

photos = ImageCache(Path(sys.argv[1]), 100)
print(sum(int(np.asarray(photos.open(path), np.int64).sum()) for path in sys.argv[2:]))
"""


def test_two_processes_and_many_threads_may_write_at_once(tmp_path: Path) -> None:
    paths = [str(photo(tmp_path / f"{n}.jpg", (400, 300), (n * 20, 50, 90))) for n in range(8)]
    folder = str(tmp_path / "c")
    command = [sys.executable, "-c", OPEN_ALL, folder]
    writers = [subprocess.Popen([*command, *order], stdout=subprocess.PIPE) for order in (paths, paths[::-1])]
    sums = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    shared = ImageCache(Path(folder + "2"), 100)
    start = threading.Barrier(4)

    def together(path: str) -> None:
        start.wait(timeout=10)
        shared.open(path)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(together, [paths[0]] * 4))
    later = ImageCache(Path(folder), 100)
    assert sums == [sum(int(np.asarray(later.open(path), np.int64).sum()) for path in paths)] * 2
    assert len(entries(Path(folder))) == 8 and len(entries(Path(folder + "2"))) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_cannot_be_written_still_gives_photos_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    photos = ImageCache(tmp_path / "file" / "below", 100)
    with caplog.at_level(logging.WARNING, "lapel.images"):
        for name in ("a.jpg", "b.jpg"):
            assert photos.open(photo(tmp_path / name)).size == (150, 100)
    assert len(caplog.messages) == 1 and "Photos are not cached" in caplog.messages[0]


def test_errors_are_those_of_the_original(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo(tmp_path / "a.jpg").read_bytes()[:3000])
    with pytest.raises(ImageTruncated, match=r"cut\.jpg"):
        ImageCache(tmp_path / "c", 100).open(cut)


def test_the_default_folder_is_in_lapels_cache_and_can_be_cleared(tmp_path: Path) -> None:
    photos = ImageCache.for_model(Preprocess(height=80, width=64, resize="stretch"))
    assert photos.folder == cache.cache_dir() / "images" and photos.short_side == 90
    photos.open(photo(tmp_path / "a.jpg"))
    assert [part.name for part in cache.info().parts] == ["images"]
    assert cache.clear().bytes > 0 and not photos.folder.exists()
    assert min(photos.open(tmp_path / "a.jpg").size) == 90
