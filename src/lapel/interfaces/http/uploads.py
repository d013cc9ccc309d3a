"""Bodies counted while they arrive, forms kept in memory, photos checked before they are decoded."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from fastapi import Request
from PIL import Image
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from lapel.errors import ImageEmpty, ImageNotAnImage, ImageTooLarge
from lapel.images import open_image
from lapel.images.opening import kind_of, size_of
from lapel.interfaces.http.asking import PHOTO
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.settings import Limits
from lapel.search import ITEM

PHOTOS = "photos"
"""The form field that carries files."""

KINDS = frozenset({"JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"})
"""Formats taken over HTTP. The others that Lapel reads from disk hold pictures inside pictures, whose size their
header does not tell, or are never what a browser sends."""

LONGEST_NAME = 200
_ACTIVE = re.compile(rb"<(?:script|html|body|iframe)[\s>/]|<\?php|<!doctype\s|<svg[^<>]{0,300}xmlns", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """A multipart form: its text fields and its files (by file name), all in memory."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes]


class _InMemory(MultiPartParser):
    """Starlette's parser, with nothing written to the disk: the body is bounded already."""

    spool_max_size = 2**40


async def body(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body piece by piece; ends with a problem as soon as more than `limit` bytes have come.

    Raises:
        Problem: too large, as told or as counted.
    """
    told = request.headers.get("content-length", "")
    detail = f"The request's body is larger than {limit} bytes, the most this server accepts."
    if told.isdigit() and int(told[:20]) > limit:
        raise Problem("too-large", detail, {"Connection": "close"})
    come = 0
    async for piece in request.stream():
        come += len(piece)
        if come > limit:
            raise Problem("too-large", detail, {"Connection": "close"})
        yield piece


async def whole_body(request: Request, limit: int) -> bytes:
    """The body as bytes, at most `limit` of them."""
    return b"".join([piece async for piece in body(request, limit)])


async def read_form(request: Request, limits: Limits) -> Form:
    """A multipart form.

    Raises:
        Problem: too large, damaged, a file without a usable name, or two of one name.
    """
    parser = _InMemory(
        request.headers,
        body(request, limits.upload_bytes),
        max_files=limits.files,
        max_fields=8,
        max_part_size=limits.query_bytes,
    )
    try:
        parts = await parser.parse()
    except MultiPartException as error:
        kinds = {"Too many": "query", "Part exceeded": "too-large"}
        kind = next((kind for words, kind in kinds.items() if error.message.startswith(words)), "unreadable")
        raise Problem(kind, f"The form cannot be read: {error.message}") from error
    try:
        return _sorted_out(parts)
    finally:
        await parts.close()


def _sorted_out(parts: FormData) -> Form:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for name, part in parts.multi_items():
        label = _file_name(name, part.filename) if isinstance(part, UploadFile) else name
        if label in (files if isinstance(part, UploadFile) else fields):
            raise Problem("query", f"The form holds '{label[:100]}' twice; give each a name of its own.")
        if isinstance(part, UploadFile):
            files[label] = part.file.read()
        else:
            fields[label] = part
    return Form(fields, files)


def _file_name(field: str, name: str | None) -> str:
    if field != PHOTOS:
        raise Problem("query", f"A file stands in the field '{field}'; send files in the field '{PHOTOS}'.")
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or re.search(r"[/\\]|^\.+$", name):
        raise Problem("query", "A photo's file name is empty, too long, or a path; send it under a plain name.")
    if name.startswith((ITEM, PHOTO)):
        raise Problem("query", f"A photo's file name begins with '{ITEM}' or '{PHOTO}'; those stand for other things.")
    return name


def open_photo(content: bytes, name: str, limits: Limits, target: int | None = None) -> Image.Image:
    """An uploaded photo as upright RGB; every check that needs no decoding comes first.

    target: see `lapel.images.open_image`.

    Raises:
        ImageError: empty, no picture, of a format not taken here, cut short, or damaged.
        ImageTooLarge: more pixels than the limit, as its header tells.
        Problem: the file is a picture and something else as well.
    """
    if not content:
        raise ImageEmpty(name, "the file is empty. Send it again.")
    kind = kind_of(content[:32], name)
    if kind not in KINDS:
        raise ImageNotAnImage(name, f"{kind} is not taken here. Send one of {', '.join(sorted(KINDS))}.")
    width, height = size_of(io.BytesIO(content), name)
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise ImageTooLarge(
            name,
            f"{width} x {height} pixels; this server accepts {limits.pixels} in all and {limits.side} a side. "
            "Make it smaller.",
        )
    _refuse_disguise(content, name)
    return open_image(content, name=name, target=target)


def _refuse_disguise(content: bytes, name: str) -> None:
    """A picture that is an archive, a document or a page as well. It would never be served again; it is no photo."""
    as_well = (
        "an archive"
        if zipfile.is_zipfile(io.BytesIO(content))
        else "a PDF document"
        if b"%PDF-" in content[:1024]
        else "a page or program"
        if _ACTIVE.search(content)
        else ""
    )
    if as_well:
        raise Problem("photo", f"{name}: the picture is {as_well} as well. Save it again as a plain photo.")
