"""The search page's files, read once from the package: a request's path is looked up, never opened."""

from __future__ import annotations

import hashlib
import html
import json
import mimetypes
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

PACKAGE, FOLDER, INDEX, WORDS = "lapel.interfaces.page", "static", "index.html", "words/en.json"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
"""Said here, because the machine's own table may say otherwise."""


@dataclass(frozen=True)
class PageFile:
    """One file of the page as it is sent."""

    content: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Address -> file; the page itself stands at `/`. Empty when the package has no page.

    `{key}` in the page stands for words that are shown before, or without, its scripts: its title, for one.
    """
    try:
        root = files(PACKAGE) / FOLDER
    except ModuleNotFoundError:
        return {}
    found = {f"/{place}": _read(node) for place, node in _walk(root)} if root.is_dir() else {}
    if f"/{INDEX}" in found:
        words = json.loads(found[f"/{WORDS}"].content)["page"]
        page = re.sub(r"\{([a-z.]+)\}", lambda key: html.escape(words[key[1]]), found[f"/{INDEX}"].content.decode())
        found["/"] = found[f"/{INDEX}"] = _file(page.encode(), found[f"/{INDEX}"].media_type)
    return found


def _walk(folder: Traversable, above: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for node in folder.iterdir():
        if node.is_dir():
            found += _walk(node, f"{above}{node.name}/")
        elif not node.name.startswith("."):
            found.append((above + node.name, node))
    return found


def _read(node: Traversable) -> PageFile:
    content = node.read_bytes()
    ending = "." + node.name.rpartition(".")[2].lower()
    kind = TYPES.get(ending) or mimetypes.guess_type(node.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    return _file(content, f"{kind}; charset=utf-8" if text else kind)


def _file(content: bytes, media_type: str) -> PageFile:
    return PageFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
