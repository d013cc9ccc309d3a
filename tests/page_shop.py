"""What page tests share: a served shop, and one tab on its page with the steps that tests speak of."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from lapel import Catalogue


@dataclass
class Shop:
    """A served catalogue. photos: the folder of its pictures; address: ends with a slash."""

    catalogue: Catalogue
    photos: Path
    address: str
    app: Any


def running(app: Any) -> Iterator[str]:
    """The app's address while the generator is held; the server stops when it is taken up again."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(10)


class Visit:
    """One tab on the page, with the steps that tests speak of."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address

    def go(self, search: str = "") -> Visit:
        self.page.goto(self.address + search)
        self.page.wait_for_selector("body.ready")
        return self.settled()

    def settled(self) -> Visit:
        """Wait until no search is under way."""
        self.page.wait_for_selector("#results:not([aria-busy='true'])", state="attached")
        return self

    def hits(self) -> list[str]:
        return self.page.eval_on_selector_all(".hit:not(.skeleton)", "all => all.map(one => one.dataset.item)")

    def scores(self) -> list[str]:
        return self.page.locator(".hit-line .score").all_inner_texts()

    def pills(self) -> list[str]:
        return [" ".join(text.split()) for text in self.page.locator(".pill").all_inner_texts()]

    def begin(self, item: str) -> Visit:
        self.page.locator(f"[data-focus='begin:{item}']").click()
        self.page.wait_for_selector(f".hit[data-item='{item}']")
        return self.settled()

    def act(self, name: str) -> Visit:
        """Click the control of this data-focus name, and wait for what it brings."""
        with self.page.expect_response("**/v1/search"):
            self.page.locator(f"[data-focus='{name}']").click()
        self.page.wait_for_timeout(50)
        return self.settled()

    @property
    def said(self) -> str:
        return self.page.locator("#live").inner_text()
