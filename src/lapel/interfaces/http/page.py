"""The search page's files, read once from the package: a request's path is looked up, never opened."""

from __future__ import annotations

import hashlib
import html
import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from lapel.interfaces.page import STATIC

INDEX, WORDS = "/index.html", "/words/en.json"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
"""Said here, because the machine's own table may say otherwise."""


@dataclass(frozen=True)
class PageFile:
    """One file of the page as it is sent."""

    content: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Address -> file; the page itself stands at `/`.

    `{key}` in the page stands for words that are shown before, or without, its scripts: its title, for one.
    """
    stored = (path for path in STATIC.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = {f"/{path.relative_to(STATIC).as_posix()}": _read(path) for path in stored}
    words, index = json.loads(found[WORDS].content)["page"], found[INDEX]
    page = re.sub(r"\{([a-z.]+)\}", lambda key: html.escape(words[key[1]]), index.content.decode())
    found["/"] = found[INDEX] = _file(page.encode(), index.media_type)
    return found


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    kind = TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    return _file(content, f"{kind}; charset=utf-8" if text else kind)


def _file(content: bytes, media_type: str) -> PageFile:
    return PageFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
