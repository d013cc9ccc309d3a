"""Hashes recognise the same file and the same look; groups are found without comparing all pairs."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from lapel.errors import ImageError, ImageMissing, InputError
from lapel.images import (
    Fingerprint,
    HashStore,
    content_hash,
    fingerprints,
    look_alikes,
    near_groups,
    perceptual_hash,
    thumbnail,
)


def scene(seed: int, size: int = 256) -> Image.Image:
    """A picture of many random ellipses: like a photo, it has content at every scale."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (size, size), tuple(int(v) for v in rng.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, w, h = (float(v) for v in rng.random(4) * size)
        draw.ellipse((x - w / 3, y - h / 3, x + w / 3, y + h / 3), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return image


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def distance(first: int, second: int) -> int:
    return (first ^ second).bit_count()


def test_content_hash_is_blake2b_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 1_000_000)
    assert content_hash(path) == hashlib.blake2b(b"abc" * 1_000_000, digest_size=16).hexdigest()
    assert content_hash(b"x") != content_hash(b"y") and len(content_hash(b"x")) == 32
    with pytest.raises(ImageMissing):
        content_hash(tmp_path / "gone")


def test_perceptual_hash_equals_a_plain_cosine_transform() -> None:
    image = scene(1)
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX, reducing_gap=3.0), float)
    low = [
        sum(
            grey[y, x] * np.cos(np.pi * v * (2 * y + 1) / 64) * np.cos(np.pi * u * (2 * x + 1) / 64)
            for y in range(32)
            for x in range(32)
        )
        for v in range(1, 9)
        for u in range(1, 9)
    ]
    bits = "".join("1" if value > np.median(low) else "0" for value in low)
    assert perceptual_hash(image) == int(bits, 2)


def test_the_hash_survives_what_happens_to_photos_and_tells_others_apart() -> None:
    hashes = [perceptual_hash(scene(seed)) for seed in range(12)]
    for seed, value in enumerate(hashes):
        image = scene(seed)
        for changed in (
            Image.open(io.BytesIO(jpeg(image, 40))),
            image.resize((100, 100)),
            image.resize((512, 512)),
            ImageEnhance.Brightness(image).enhance(0.9),
        ):
            assert distance(value, perceptual_hash(changed.convert("RGB"))) <= 6
    others = [distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(others) > 12


def all_pairs(hashes: np.ndarray, limit: int) -> list[int]:
    """Groups by the definition: connect every pair within the limit."""
    group = list(range(len(hashes)))
    for i, a in enumerate(hashes.tolist()):
        for j in range(i):
            if distance(a, int(hashes[j])) <= limit:
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    order: dict[int, int] = {}
    return [order.setdefault(g, len(order)) for g in group]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 15])
def test_groups_equal_those_of_all_pairs(limit: int) -> None:
    rng = np.random.default_rng(limit)
    hashes = []
    for _ in range(40):  # clusters of drifting copies, so that chains and near misses occur
        value = int(rng.integers(0, 2**63))
        for _ in range(int(rng.integers(1, 5))):
            hashes.append(value)
            for bit in rng.choice(64, int(rng.integers(0, limit + 3)), replace=False):
                value ^= 1 << int(bit)
    array = np.array(hashes, np.uint64)[rng.permutation(len(hashes))]
    assert near_groups(array, limit).tolist() == all_pairs(array, limit)


def test_groups_of_nothing_and_of_equal_hashes() -> None:
    assert near_groups(np.empty(0, np.uint64)).tolist() == []
    assert near_groups(np.zeros(50_000, np.uint64), 8).tolist() == [0] * 50_000
    with pytest.raises(InputError, match="distance is 16; expected 0 to 15"):
        near_groups(np.zeros(2, np.uint64), 16)


def test_a_hundred_thousand_hashes_are_not_compared_in_pairs() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[50_000:50_500] = hashes[:500] ^ np.uint64(0b1011)
    groups = near_groups(hashes, 4)  # all pairs would be 5 billion comparisons: this test would not end
    assert (groups[50_000:50_500] == groups[:500]).all() and len(np.unique(groups)) == 99_500


def test_thumbnails_veto_what_the_hashes_confuse_and_ignore_tint() -> None:
    first, second = scene(1), scene(2)
    tinted = Image.merge(
        "RGB", [band.point(lambda v, g=g: int(v * g)) for band, g in zip(first.split(), (0.9, 0.8, 0.7), strict=True)]
    )
    thumbs = np.stack([thumbnail(image) for image in (first, second, tinted)])
    assert thumbs.shape == (3, 289) and thumbs.dtype == np.uint8
    same_hash = np.zeros(3, np.uint64)
    assert near_groups(same_hash, thumbnails=thumbs).tolist() == [0, 1, 0]
    assert near_groups(same_hash).tolist() == [0, 0, 0]


def test_fingerprints_in_order_with_errors_in_place_and_groups(tmp_path: Path) -> None:
    image = scene(3)
    (tmp_path / "a.jpg").write_bytes(jpeg(image))
    (tmp_path / "b.jpg").write_bytes(jpeg(scene(4)))
    (tmp_path / "c.jpg").write_bytes(jpeg(image, 60))
    (tmp_path / "bad.jpg").write_bytes(b"no")
    paths = [tmp_path / name for name in ("a.jpg", "bad.jpg", "b.jpg", "c.jpg", "gone.jpg", "a.jpg")]
    found = list(fingerprints(paths))
    assert [isinstance(one, ImageError) for one in found] == [False, True, False, False, True, False]
    assert isinstance(found[0], Fingerprint) and (found[0].width, found[0].height) == (256, 256)
    groups = look_alikes(found).tolist()
    assert groups[0] == groups[3] == groups[5] and len(set(groups)) == 4


def test_a_second_run_opens_nothing_and_a_changed_file_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(4)]
    for n, path in enumerate(paths):
        path.write_bytes(jpeg(scene(n, 64)))
    store = HashStore()
    first = list(fingerprints(paths, store=store))
    store.close()
    opened = []
    import lapel.images.fingerprinting as room

    real = room.open_image
    monkeypatch.setattr(room, "open_image", lambda path: opened.append(path) or real(path))
    store = HashStore()
    assert list(fingerprints(paths, store=store)) == first and not opened
    moved = paths[0].rename(tmp_path / "moved.jpg")  # the same bytes elsewhere: hashed, not decoded
    assert list(fingerprints([moved], store=store)) == first[:1] and not opened
    paths[1].write_bytes(jpeg(scene(9, 64)))
    again = list(fingerprints(paths[1:], store=store))
    assert opened == [paths[1]] and again[0] != first[1] and again[1:] == first[2:]


def test_a_store_that_cannot_be_used_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(0, 64)))
    (tmp_path / "base").write_bytes(b"this is not SQLite, and long enough to be looked at" * 100)
    found = list(fingerprints([tmp_path / "a.jpg"], store=HashStore(tmp_path / "base")))
    assert isinstance(found[0], Fingerprint)
