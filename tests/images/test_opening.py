"""Every kind of picture opens upright in RGB; every kind of broken file says which and what to do."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lapel.errors import (
    ImageEmpty,
    ImageError,
    ImageMissing,
    ImageNotAnImage,
    ImageTooLarge,
    ImageTruncated,
)
from lapel.images import MAX_PIXELS, open_image

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def two_colours(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def near(pixel: object, colour: tuple[int, int, int], within: int = 12) -> bool:
    return bool(np.abs(np.subtract(pixel, colour)).max() <= within)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000"])
def test_opens_each_format_from_bytes_and_from_a_file_with_a_lying_extension(kind: str, tmp_path: Path) -> None:
    data = encoded(two_colours(), kind)
    liar = tmp_path / "picture.txt"
    liar.write_bytes(data)
    for source in (data, liar, str(liar)):
        image = open_image(source)
        assert (image.mode, image.size) == ("RGB", (64, 32))
        assert near(image.getpixel((5, 16)), RED) and near(image.getpixel((58, 16)), BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_once(orientation: int, kind: str) -> None:
    upright = Image.new("RGB", (48, 32), WHITE)
    upright.paste(RED, (0, 0, 16, 16))
    # How a camera stores it: the inverse of what the viewer must do.
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose values
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = open_image(encoded(stored, kind, exif=exif))
    assert image.size == (48, 32)
    assert near(image.getpixel((5, 5)), RED, 40) and near(image.getpixel((40, 25)), WHITE, 40)
    assert image.getexif().get(0x0112, 1) == 1


def test_orientation_stated_in_xmp_alone() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert open_image(encoded(two_colours(), "JPEG", xmp=xmp)).size == (32, 64)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\xff"]
)
def test_damaged_exif_is_passed_over_in_silence(exif: bytes) -> None:
    assert open_image(encoded(two_colours(), "JPEG", exif=exif)).size == (64, 32)


def test_cmyk() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(open_image(encoded(image, "JPEG", quality=95)).getpixel((8, 8)), RED, 20)


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey(mode: str) -> None:
    image = open_image(encoded(Image.new(mode, (8, 8), 1 if mode == "1" else 77), "PNG"))
    assert image.getpixel((3, 3)) == ((255,) * 3 if mode == "1" else (77,) * 3)


def test_palette_with_and_without_transparency() -> None:
    palette = two_colours().quantize(4)
    assert near(open_image(encoded(palette, "PNG")).getpixel((2, 2)), RED)
    red = palette.getpixel((2, 2))
    clear = open_image(encoded(palette, "PNG", transparency=red))
    assert clear.getpixel((2, 2)) == WHITE and near(clear.getpixel((60, 2)), BLUE)
    partly = open_image(encoded(palette, "PNG", transparency=bytes([128] * 4)))
    assert near(partly.getpixel((60, 2)), (127, 127, 255), 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(kind: str) -> None:
    image = Image.new("RGBA", (20, 10), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (10, 0, 20, 10))
    result = open_image(encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert near(result.getpixel((4, 4)), RED) and near(result.getpixel((15, 4)), WHITE)


def test_grey_with_alpha_and_colour_key() -> None:
    assert open_image(encoded(Image.new("LA", (4, 4), (0, 0)), "PNG")).getpixel((1, 1)) == WHITE
    assert open_image(encoded(Image.new("RGB", (4, 4), RED), "PNG", transparency=RED)).getpixel((1, 1)) == WHITE


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(8, 0)
    for kind in ("PNG", "TIFF"):
        got = np.asarray(open_image(encoded(Image.fromarray(ramp), kind)))[0, :, 0].astype(int)
        assert np.abs(got - np.arange(256)).max() <= 1


def test_float_and_32_bit_grey() -> None:
    half = Image.fromarray(np.full((4, 4), 0.5, np.float32))
    deep = Image.fromarray(np.full((4, 4), 32768, np.int32))
    assert open_image(encoded(half, "TIFF")).getpixel((0, 0)) == (128, 128, 128)
    assert open_image(encoded(deep, "TIFF")).getpixel((0, 0)) == (128, 128, 128)


def test_first_frame_of_a_moving_picture() -> None:
    frames = [Image.new("RGB", (12, 12), RED), Image.new("RGB", (12, 12), BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(open_image(data).getpixel((6, 6)), RED)


@pytest.mark.parametrize("name", ["façade été.jpg", "裙子.jpg", "👗 dress.png", "a\nb.jpg", "%41 'q'.jpg", "ملابس.jpg"])
def test_unicode_paths(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(encoded(two_colours(), "JPEG"))
    assert open_image(tmp_path / name).size == (64, 32)


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are not valid text exist on Linux only")
def test_a_file_name_that_is_not_text_gives_a_printable_message(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    path.write_bytes(encoded(two_colours(), "JPEG"))
    assert open_image(path).size == (64, 32)
    path.write_bytes(b"")
    with pytest.raises(ImageEmpty) as error:
        open_image(path)
    str(error.value).encode("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="walks with dir_fd")
@pytest.mark.parametrize("length", [3_900, 9_000])
def test_very_long_paths(length: int, tmp_path: Path) -> None:
    # Longer than the system takes in one call, so it is also built and removed step by step.
    steps = ["d" * 200] * (length // 201)
    start = here = os.open(tmp_path, os.O_RDONLY)
    opened = [start]
    for step in steps:
        os.mkdir(step, dir_fd=here)
        here = os.open(step, os.O_RDONLY, dir_fd=here)
        opened.append(here)
    with os.fdopen(os.open("photo.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as stream:
        stream.write(encoded(two_colours(), "JPEG"))
    path = os.path.join(tmp_path, *steps, "photo.jpg")
    try:
        assert open_image(path).size == (64, 32)
        with pytest.raises(ImageMissing, match="no such file"):
            open_image(path + "x")
    finally:
        os.unlink("photo.jpg", dir_fd=here)
        for parent, step, child in reversed(list(zip(opened, steps, opened[1:], strict=False))):
            os.close(child)
            os.rmdir(step, dir_fd=parent)
        os.close(start)


def test_a_name_longer_than_any_file_name_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ImageMissing, match="no such file"):
        open_image(tmp_path / ("x" * 400 + ".jpg"))


def test_missing_empty_and_folder(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageMissing) as missing:
        open_image(tmp_path / "gone.jpg")
    assert str(missing.value) == (
        f"{tmp_path}/gone.jpg: there is no such file. Correct the path, or remove the row that names it."
    )
    assert missing.value.path == tmp_path / "gone.jpg"
    with pytest.raises(ImageEmpty, match=r"empty\.jpg: the file is empty \(0 bytes\)\. Copy or download it again"):
        open_image(tmp_path / "empty.jpg")
    with pytest.raises(ImageEmpty, match="no bytes"):
        open_image(b"")
    with pytest.raises(ImageNotAnImage, match="this is a folder"):
        open_image(tmp_path)
    with pytest.raises(ImageMissing):
        open_image("nul\0byte.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded(two_colours(), "JPEG"))
    path.chmod(0)
    with pytest.raises(ImageError, match="Check its permissions"):
        open_image(path)


@pytest.mark.parametrize(
    "content", [b"hello", b"<html><body>404</body></html>", b"%PDF-1.7 " + b"x" * 500, b"PK\x03\x04", b"\0" * 64]
)
def test_not_an_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    with pytest.raises(
        ImageNotAnImage, match=r"page\.jpg: not a picture; known formats are JPEG, PNG, .*Replace or remove"
    ):
        open_image(path)


def test_heic_is_named() -> None:
    with pytest.raises(ImageNotAnImage, match="HEIC.*Convert it to JPEG"):
        open_image(b"\0\0\0\x18ftypheic" + b"\0" * 64, name="phone.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated(kind: str, kept: float, tmp_path: Path) -> None:
    data = encoded(noise(), kind)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageTruncated, match=r"cut\.jpg: .*(end too early|cut off).*Copy or download it again"):
        open_image(path)


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(12_000, 12_000), (60_000, 60_000), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_before_decoding_and_pillow_says_nothing(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MAX_PIXELS
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(ImageTooLarge, match=rf"bomb\.png: {size[0]} x {size[1]} pixels; the limit is 128 x 2\^20"):
            open_image(png_of_size(*size), name="bomb.png")
    assert not heard


def test_a_bomb_in_another_format() -> None:
    bmp = bytearray(encoded(two_colours(), "BMP"))
    struct.pack_into("<ll", bmp, 18, 30_000, 30_000)
    with pytest.raises(ImageTooLarge):
        open_image(bytes(bmp))


def test_a_picture_above_pillows_own_warning_but_below_the_limit_opens_quietly() -> None:
    width, height = 9_500, 9_500  # 90 million pixels: Pillow warns from 89.5 million
    assert Image.MAX_IMAGE_PIXELS is not None and Image.MAX_IMAGE_PIXELS < width * height < MAX_PIXELS
    data = encoded(Image.new("1", (width, height)), "PNG")
    assert open_image(data).size == (width, height)


def test_draft_decodes_smaller_but_never_below_the_target() -> None:
    data = encoded(two_colours((1600, 1200)), "JPEG")
    assert open_image(data).size == (1600, 1200)
    for target, expected in ((1200, (1600, 1200)), (600, (800, 600)), (256, (400, 300)), (100, (200, 150))):
        assert open_image(data, target=target).size == expected
    assert open_image(encoded(two_colours((640, 480)), "PNG"), target=10).size == (640, 480)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]))
    content = bytearray(encoded(noise((24, 16)), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = open_image(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except ImageError:
        return
    assert image.mode == "RGB"
