"""What strangers send: every hostile upload, reference, filter and body is refused with a 4xx problem that says why."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from colour_model import ColourModel
from http_shop import Serve, by_item, form, problem
from lapel.interfaces.http import Limits, Settings

ASKED = {"parts": [{"reference": "a.jpg", "weights": {"top": 1}}], "k": 1}


def encoded(kind: str, size: tuple[int, int] = (64, 64), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int) -> bytes:
    """A few kilobytes that say they are a picture of this size; the pixels are zeros."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + png_chunk(b"IEND", b"")


def gif_bomb() -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;"
    )


def ico_with_a_bomb_inside() -> bytes:
    """Its own header says 16 x 16; the PNG inside says 20,000 x 20,000."""
    inner = png_bomb(20_000, 20_000)
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def text_bomb() -> bytes:
    """A small picture whose text chunk unpacks to 200 MB."""
    good = encoded("PNG")
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 * 2**20), 9))
    return good[:33] + chunk + good[33:]


def zipped(head: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("evil.js", "alert(1)")
    return head + archive.getvalue()


def jpeg_with_a_comment(text: bytes) -> bytes:
    good = encoded("JPEG")
    return good[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + good[2:]


HOSTILE: dict[str, tuple[bytes, int]] = {
    "png of 60,000 x 60,000": (png_bomb(60_000, 60_000), 413),
    "png within a side, not within all": (png_bomb(16_000, 16_000), 413),
    "gif of 65,535 x 65,535": (gif_bomb(), 413),
    "ico with a bomb inside": (ico_with_a_bomb_inside(), 415),
    "text that unpacks to 200 MB": (text_bomb(), 422),
    "50,000 px wide": (encoded("PNG", (50_000, 1)), 413),
    "50,000 px high jpeg": (encoded("JPEG", (1, 50_000)), 413),
    "picture and archive": (zipped(encoded("JPEG")), 422),
    "picture and pdf": (jpeg_with_a_comment(b"%PDF-1.4\n1 0 obj"), 422),
    "picture and page": (encoded("JPEG") + b"<script>alert(1)</script>", 422),
    "picture and program": (encoded("PNG") + b"<?php system($_GET[0]); ?>", 422),
    "gif and script": (encoded("GIF") + b"/*<html><body onload=alert(1)>*/", 422),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 415),
    "svg with a declaration": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 415),
    "svg that reads a file": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', 415),
    "zero bytes": (b"", 422),
    "one byte": (b"\xff", 415),
    "only a jpeg's first bytes": (b"\xff\xd8\xff", 422),
    "truncated jpeg": (encoded("JPEG", (900, 900), quality=95)[:2000], 422),
    "truncated png": (encoded("PNG", (900, 900))[:60], 422),
    "png of no size": (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)), 422),
    "archive": (zipped(b""), 415),
    "text": (b"hello", 415),
    "html": (b"<html><body>", 415),
    "executable": (b"\x7fELF" + bytes(200), 415),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(100), 415),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415),
    "ppm": (b"P6 100000 100000 255\n", 415),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_uploads_are_refused(name: str, client: TestClient, model: ColourModel) -> None:
    content, status = HOSTILE[name]
    before = model.embedded
    for answer in (
        client.post("/v1/search", **form(ASKED, ("a.jpg", content))),
        client.post("/v1/photos", files={"photos": ("a.jpg", content)}),
    ):
        kind = {413: "too-large", 415: "media-type", 422: "photo"}[status]
        assert problem(answer, status, kind).startswith("a.jpg: ")
    assert model.embedded == before


def test_a_plain_photo_of_each_kind_passes(client: TestClient) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        answer = client.post("/v1/search", **form(ASKED, ("a.jpg", encoded(kind))))
        assert answer.status_code == 200, (kind, answer.text)
        assert answer.json()["hits"][0]["item"].startswith("red-")


PATHS = [
    "/etc/passwd",
    "file:///etc/passwd",
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "C:\\windows\\win.ini",
    "http://127.0.0.1:1/a.jpg",
    "\\\\host\\share\\a.jpg",
    "~/a.jpg",
    "a.jpg",
    ".",
    "photo:../../etc/passwd",
    "/proc/self/environ",
    "a.jpg\0.png",
    "item",
]


@pytest.mark.parametrize("reference", PATHS)
def test_no_reference_is_ever_a_path(reference: str, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr("lapel.search.resolving.read_photo", lambda *given: opened.append(given))
    query = {"parts": [{"reference": reference, "weights": {"top": 1}}]}
    problem(client.post("/v1/search", json=query), 422, "query")
    problem(client.get("/v1/items/red-red/explain", params={"query": json.dumps(query)}), 422, "query")
    problem(client.post("/v1/explain", json={"query": query, "item": "red-red"}), 422, "query")
    assert not opened


def test_a_file_that_is_there_is_not_opened(client: TestClient, photos: Path) -> None:
    """Even a photo of the catalogue itself is no reference by its path, and the server does not say that it exists."""
    there, not_there = str(photos / "red-red.png"), str(photos / "nobody.png")
    details = [
        problem(client.post("/v1/search", json={"parts": [{"reference": path}]}), 422, "query").replace(path, "PATH")
        for path in (there, not_there)
    ]
    assert details[0] == details[1]


@pytest.mark.parametrize(
    "name", ["../a.jpg", "/etc/passwd", "a\\b.jpg", "..", "item:red-red", "photo:x", "a\tb.jpg", "x" * 300]
)
def test_a_file_name_is_a_plain_name(name: str, client: TestClient, photos: Path) -> None:
    query = {"parts": [{"reference": name, "weights": {"top": 1}}]}
    answer = client.post("/v1/search", **form(query, (name, (photos / "red-red.png").read_bytes())))
    problem(answer, 422, "query")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/items/..%2F..%2Fetc%2Fpasswd",
        "/v1/items/%2Fetc%2Fpasswd/image",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/app.py",
        "/static/../../settings.py",
        "/v1/items/%00/image",
    ],
)
def test_no_address_is_ever_a_path(path: str, client: TestClient) -> None:
    problem(client.get(path), 404, "not-found")


FILTERS = [
    "'; drop table items; --",
    "price < 50; delete from items",
    "1=1",
    "true",
    "price < (select 1)",
    "price < 50 union select * from items",
    "price < 50 -- all",
    "price < 50 /* all */",
    "id in (select id from items)",
    "title = 'a' or 1=1",
    "title = \"x' or '1'='1\"",
    "price = ${jndi:ldap://x}",
    "price = {{7*7}}",
    "load_extension('x')",
    "title like '%' escape 'x'",
    "title regexp '(a+)+$'",
    "price < 1e999999 and",
    "__class__ = 'x'",
    "title.__class__ = 'x'",
    '"price"" or ""1"" = ""1" = 1',
    "image like '/%'",
    "image is not null",
    "\"image\" = '/tmp/a.png'",
    "hash = 'x'",
    "seq < 3",
    "thumb is null",
    "all is not null",
    "price < 50\0",
    "(" * 5000,
    "not " * 4000 + "price = 1",
    "price in (" + ",".join(["1"] * 3000) + ")",
    "'" + "a" * 9999,
    "п\u0440ice < 50",
]


@pytest.mark.parametrize("where", FILTERS)
def test_filters_are_parsed_never_pasted(where: str, client: TestClient) -> None:
    for answer in (
        client.post("/v1/search", json=by_item(where=where)),
        client.get("/v1/items", params={"where": where}),
    ):
        assert problem(answer, 422, "query")
    assert len(client.post("/v1/search", json=by_item()).json()["hits"]) == 5


def test_text_in_quotes_is_only_text(client: TestClient) -> None:
    for text in ("'; drop table items; --", "%' or '1'='1", "${x}", "\\", "\u202e"):
        where = "title = '" + text.replace("'", "''") + "'"
        assert client.post("/v1/search", json=by_item(where=where)).json()["considered"] == 0


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "unreadable"),
    "no json": (b"{", 400, "unreadable"),
    "no utf-8": (b'{"parts": "\xff"}', 400, "unreadable"),
    "half a surrogate": (b'{"parts": [{"reference": "item:\\ud800"}]}', 400, "unreadable"),
    "nan": (b'{"parts": [{"reference": "item:red-red", "weights": {"top": NaN}}]}', 400, "unreadable"),
    "twice the same": (b'{"parts": [], "parts": []}', 400, "unreadable"),
    "deep": (b"[" * 30_000, 400, "unreadable"),
    "a long number": (b'{"k": ' + b"9" * 5000 + b"}", 400, "unreadable"),
    "a great k": (b'{"parts": [{"reference": "item:red-red"}], "k": 1' + b"0" * 300 + b"}", 422, "query"),
    "a great weight": (
        b'{"parts": [{"reference": "item:red-red", "weights": {"top": 1' + b"0" * 400 + b"}}]}",
        422,
        "query",
    ),
    "an infinite weight": (b'{"parts": [{"reference": "item:red-red", "weights": {"top": 1e999}}]}', 422, "query"),
    "a list": (b"[]", 422, "query"),
    "null": (b"null", 422, "query"),
    "no part": (b'{"parts": []}', 422, "query"),
    "only unlike": (b'{"parts": [{"reference": "item:red-red", "unlike": true}]}', 422, "query"),
    "an unknown entry": (b'{"parts": [{"reference": "item:red-red"}], "sql": "x"}', 422, "query"),
    "k as text": (b'{"parts": [{"reference": "item:red-red"}], "k": "5"}', 422, "query"),
    "k true": (b'{"parts": [{"reference": "item:red-red"}], "k": true}', 422, "query"),
    "a negative weight": (b'{"parts": [{"reference": "item:red-red", "weights": {"top": -1}}]}', 422, "query"),
    "an unknown attribute": (b'{"parts": [{"reference": "item:red-red", "weights": {"__init__": 1}}]}', 422, "query"),
}


@pytest.mark.parametrize("name", BODIES)
def test_wrong_bodies_are_refused(name: str, client: TestClient) -> None:
    content, status, kind = BODIES[name]
    answer = client.post("/v1/search", content=content, headers={"Content-Type": "application/json"})
    assert problem(answer, status, kind)


def test_wrong_kinds_of_body(client: TestClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        answer = client.post("/v1/search", content=b"{}", headers={"Content-Type": kind})
        problem(answer, 415, "media-type")


def test_wrong_forms(client: TestClient, photos: Path) -> None:
    photo = (photos / "red-red.png").read_bytes()
    query = json.dumps(ASKED)
    kinds = {"Content-Type": "multipart/form-data"}
    problem(client.post("/v1/search", content=b"x", headers=kinds), 400, "unreadable")
    damaged = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/search", content=b"--y\r\n\r\n", headers=damaged), 400, "unreadable")
    for files in (
        [("photos", ("a.jpg", photo))],
        [("query", (None, query)), ("query", (None, query)), ("photos", ("a.jpg", photo))],
        [("query", (None, query)), ("other", ("a.jpg", photo))],
        [("query", (None, query)), ("photos", ("a.jpg", photo)), ("photos", ("a.jpg", photo))],
        [("query", (None, query)), ("photos", ("a.jpg", photo)), ("photos", ("unused.jpg", photo))],
        [("query", (None, query)), ("more", (None, "x")), ("photos", ("a.jpg", photo))],
    ):
        problem(client.post("/v1/search", files=files), 422, "query")
    problem(client.post("/v1/photos", files=[("photos", ("a.jpg", photo)), ("photos", ("b.jpg", photo))]), 422, "query")


def test_limits_have_names_and_figures(serve: Serve, photos: Path) -> None:
    limits = Limits(upload_bytes=5000, pixels=1000, files=2, k=3, parts=2, text=20, query_bytes=500)
    client = serve(Settings(limits=limits))
    small = encoded("PNG", (20, 20))
    assert client.post("/v1/search", **form(ASKED, ("a.jpg", small))).status_code == 200
    assert "1000 in all" in problem(
        client.post("/v1/search", **form(ASKED, ("a.jpg", encoded("PNG", (40, 40))))), 413, "too-large"
    )
    assert "5000 bytes" in problem(client.post("/v1/search", **form(ASKED, ("a.jpg", bytes(6000)))), 413, "too-large")
    assert "500" in problem(client.post("/v1/search", json=by_item(where="x" * 600)), 413, "too-large")
    assert "20" in problem(client.post("/v1/search", json=by_item(where="price < 50 and price < 50")), 422, "query")
    assert "at most 3" in problem(client.post("/v1/search", json=by_item(k=4)), 422, "query")
    assert "at most 3" in problem(client.get("/v1/items", params={"k": 4}), 422, "query")
    three = {"parts": 3 * by_item()["parts"]}
    assert "at most 2" in problem(client.post("/v1/search", json=three), 422, "query")
    files = [(f"{name}.jpg", small) for name in "abc"]
    assert "Maximum number of files is 2" in problem(client.post("/v1/search", **form(ASKED, *files)), 422, "query")
    words = {"parts": [{"text": "x" * 21}], "k": 1}
    assert "at most 20" in problem(client.post("/v1/search", json=words), 422, "query")
