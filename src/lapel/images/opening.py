"""Open any photo as an upright RGB picture, or say which file is wrong and what to do."""

from __future__ import annotations

import re
import struct
import threading
import warnings
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from lapel.errors import ImageError, ImageNotAnImage, ImageTooLarge, ImageTruncated
from lapel.images.files import Source, open_source, shown

MAX_PIXELS = 128 * 2**20
"""Width times height beyond which a file is refused before decoding: 134 million, a third above the largest cameras."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO")
"""What is tried, by the file's first bytes; the file's extension is never looked at."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)\s*([1-8])')
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error, zlib.error)
_warnings_lock = threading.Lock()


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """JPEG without Pillow's search for a resolution in EXIF: it costs time and warns about damaged EXIF."""

    def _read_dpi_from_exif(self) -> None:
        return


def open_image(source: Source, *, name: str | None = None, target: int | None = None) -> Image.Image:
    """Open a photo as 8-bit RGB, turned upright as its EXIF says, transparency laid on white.

    Colour profiles are not applied, as in the published pipelines. Of a moving picture the first frame is taken.

    Args:
        source: a path, or the bytes of the file.
        name: what an error calls the picture instead of its path.
        target: when the picture will be made smaller anyway, the least short side to give, in pixels: a larger JPEG
            is then decoded at 1/2, 1/4 or 1/8 of its size, several times faster. None: the full size.

    Raises:
        ImageMissing, ImageEmpty, ImageNotAnImage, ImageTruncated, ImageTooLarge: each names the file and the remedy.
        ImageError: the operating system refused to open the file.
    """
    label = name or (shown(source) if not isinstance(source, bytes) else "(bytes)")
    with open_source(source, name) as stream:
        return open_stream(stream, label, target)


def open_stream(stream: BinaryIO, label: str, target: int | None = None) -> Image.Image:
    """`open_image` of a stream at its start; `label` is what an error calls it."""
    kind = kind_of(stream.read(32), label)
    if kind in ("JPEG", "PNG", "WEBP"):
        return _decode(kind, stream, label, target)
    # The other decoders warn about odd metadata. Filters belong to the whole process, hence one at a time.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode(kind, stream, label, target)


def size_of(stream: BinaryIO, label: str) -> tuple[int, int]:
    """(width, height) as stored, from the header alone; the errors of `open_image`."""
    return _header(kind_of(stream.read(32), label), stream, label).size


def kind_of(head: bytes, label: str) -> str:
    """The format, one of `FORMATS`, by a file's first 32 bytes.

    Raises:
        ImageNotAnImage: none of them.
    """
    if head.startswith(b"\xff\xd8"):
        return "JPEG"
    if not Image.ID:
        Image.preinit()
    if any(kind not in Image.OPEN for kind in FORMATS[:3]):
        Image.init()
    for kind in FORMATS:
        _, accept = Image.OPEN.get(kind) or (Image.init(), (None, None))[1]
        if accept and accept(head) is True:
            return kind
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        raise ImageNotAnImage(label, "this is a HEIC photo, which is not supported. Convert it to JPEG.")
    raise ImageNotAnImage(label, f"not a picture; known formats are {', '.join(FORMATS)}. Replace or remove the file.")


def _header(kind: str, stream: BinaryIO, label: str) -> ImageFile.ImageFile:
    # The decoder class is called directly, not through Image.open, because that warns about sizes before we can ask.
    stream.seek(0)
    try:
        image: ImageFile.ImageFile = _Jpeg(stream) if kind == "JPEG" else Image.OPEN[kind][0](stream, "")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(label, f"{error} Make the picture smaller, or remove it.") from error
    except _DAMAGED as error:
        raise ImageTruncated(label, f"it starts as {kind} but its header is damaged or cut off. {_AGAIN}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            label,
            f"{width} x {height} pixels; the limit is {MAX_PIXELS // 2**20} x 2^20. "
            "No photo is that large: make it smaller, or remove it.",
        )
    return image


_AGAIN = "Copy or download it again, or remove it."


def _decode(kind: str, stream: BinaryIO, label: str, target: int | None) -> Image.Image:
    image = _header(kind, stream, label)
    if target is not None:
        image.draft("RGB", (target, target))
    try:
        image.load()
        upright = _rgb(_upright(image), label)
        upright.info = {}  # else somebody who turns by EXIF turns twice
        return upright
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(label, f"{error} Make the picture smaller, or remove it.") from error
    except _DAMAGED as error:
        raise ImageTruncated(label, f"the {kind} data end too early or are damaged ({error}). {_AGAIN}") from error


def _upright(image: Image.Image) -> Image.Image:
    turn = _TURNS.get(_orientation(image.info))
    return image if turn is None else image.transpose(turn)


def _orientation(info: dict[str | tuple[int, int], object]) -> int:
    """1 to 8 from EXIF, else from XMP, else 1. Read by hand: Pillow's reader warns on damaged EXIF and is slower."""
    exif = info.get("exif")
    raw = info.get("Raw profile type exif")
    if not isinstance(exif, bytes) and isinstance(raw, str):
        try:
            exif = bytes.fromhex("".join(raw.split("\n")[3:]))
        except ValueError:
            exif = None
    found = _exif_orientation(exif.removeprefix(b"Exif\0\0")) if isinstance(exif, bytes) else None
    if found is None:
        xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
        match = _XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else bytes(xmp))  # type: ignore[call-overload]
        found = int(match.group(1)) if match else 1
    return found


def _exif_orientation(exif: bytes) -> int | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHLH", exif, entry)
            if tag == 0x0112:
                return value if kind == 3 else None
    except struct.error:
        return None
    return None


def _rgb(image: Image.Image, label: str) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layers = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(layers, mask=layers.getchannel("A"))
        return white
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageNotAnImage(label, f"colour mode {image.mode} is not supported. Save it as RGB.") from error


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey to 8-bit: 0..65535 -> 0..255; floats that stay within 0..1 are fractions."""
    grey = np.nan_to_num(np.asarray(image).astype(np.float64))
    top = 1.0 if image.mode == "F" and grey.max(initial=0) <= 1 else 65535.0
    if image.mode in ("I", "F") and 1 < grey.max(initial=0) <= 255:
        top = 255.0  # 8-bit values in a deeper container
    scaled = np.clip(np.rint(grey * (255 / top)), 0, 255).astype(np.uint8)
    return Image.fromarray(scaled).convert("RGB")
