"""Serve a catalogue with its search page for one person: say where, open the browser; or check it without a person."""

from __future__ import annotations

import json
import re
import threading
import webbrowser
from _thread import interrupt_main
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urljoin
from urllib.request import ProxyHandler, Request, build_opener

from lapel.catalogue import Catalogue
from lapel.interfaces.http import serve
from lapel.schema import Query

PATIENCE = 60
_FILES = re.compile(r"""(?:src|href)="((?:js|css|words)/[^"]+|icon\.svg)"|from "\./([\w]+\.js)";""")


@dataclass
class Checked:
    """What `check` found. files: how many files of the page were loaded; trouble: sentences, none when all is well."""

    address: str = ""
    files: int = 0
    hits: int = 0
    trouble: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the page loads and one search gives what it must."""
        return bool(self.address) and self.files > 0 and self.hits > 0 and not self.trouble


def link(address: str, query: Query) -> str:
    """The page's address with a query in it, as the page itself writes it."""
    text = json.dumps(query.to_dict(), ensure_ascii=False, separators=(",", ":"))
    return f"{address}?q={quote(text, safe=':,')}"


def show(
    catalogue: Catalogue, *, port: int = 0, open_browser: bool = True, ready: Callable[[str], None] | None = None
) -> None:
    """Serve on this machine until Ctrl-C, and open the page.

    Args:
        port: 0 takes a free one.
        open_browser: a browser that cannot be opened is no error; the address is told to `ready`.
        ready: called with the page's address once it answers, before the browser opens.
    """

    def answers(address: str) -> None:
        if ready is not None:
            ready(address)
        if open_browser:  # beside the server: some browsers return only when they are closed
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve(catalogue, port=port, ready=answers)


def check(catalogue: Catalogue, query: Query) -> Checked:
    """Serve on a free port, load the page with every file it names, search once over HTTP, and stop.

    query: one whose first hit is the item it names first.

    Must be called in the main thread, because it ends the server as Ctrl-C does.
    """
    found = Checked()

    def answers(address: str) -> None:
        found.address = address
        threading.Thread(target=_check_then_stop, args=(found, query), daemon=True).start()

    serve(catalogue, port=0, ready=answers)
    return found


def _check_then_stop(found: Checked, query: Query) -> None:
    opener = build_opener(ProxyHandler({}))  # this machine is never behind a proxy

    def fetch(path: str, data: dict[str, Any] | None = None) -> bytes:
        body = None if data is None else json.dumps(data).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with opener.open(Request(urljoin(found.address, path), body, headers), timeout=PATIENCE) as answer:
            content: bytes = answer.read()
        return content

    try:
        found.files = _load_page(fetch)
        answer = json.loads(fetch("v1/search", query.to_dict()))
        found.hits = len(answer["hits"])
        asked, hits = query.references[0].removeprefix("item:"), [hit["item"] for hit in answer["hits"]]
        if hits[:1] != [asked]:
            found.trouble.append(f"The item {asked} is not its own first hit over HTTP.")
        elif not fetch(answer["hits"][0]["thumb"]).startswith(b"\xff\xd8"):
            found.trouble.append(f"The picture of {asked} is no JPEG.")
    except (URLError, OSError, ValueError, KeyError) as error:
        found.trouble.append(f"The page or its API does not answer as it should: {error}.")
    finally:
        interrupt_main()


def _load_page(fetch: Callable[[str], bytes]) -> int:
    """Load the page, and every file that it or its scripts name; gives how many there were."""
    page = fetch("").decode()
    if 'id="search"' not in page:
        raise ValueError("there is no search page at /")
    waiting, loaded = [*_named(page), "words/en.json"], {""}
    while waiting:
        path = waiting.pop()
        if path in loaded:
            continue
        content = fetch(path).decode()
        if not content.strip():
            raise ValueError(f"{path} is empty")
        loaded.add(path)
        waiting += _named(content) if path.endswith(".js") else []
    return len(loaded)


def _named(text: str) -> Iterable[str]:
    return [path or f"js/{module}" for path, module in _FILES.findall(text)]
