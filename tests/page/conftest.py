"""The page in Debian's Chromium, over a shop of five outfits whose order can be told by eye."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colour_model import ColourModel, draw_shop
from lapel import Catalogue
from lapel.interfaces.http import Settings, create_app
from page_shop import Shop, Visit, running

playwright = pytest.importorskip("playwright.sync_api", reason="page tests need playwright (the dev extra)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """For one file at a time: while it is open, no other event loop can run in this thread."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs a browser: `make chromium` installs Debian's")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("page")
    photos = draw_shop(folder / "photos").parent
    catalogue = Catalogue.create(folder / "shop.lapel", ColourModel())
    catalogue.add(photos)
    app = create_app(catalogue)
    for address in running(app):
        yield Shop(catalogue, photos, address, app)


@pytest.fixture
def serve(shop: Shop) -> Iterator[Callable[..., str]]:
    """`serve(Settings(...))`: the address of another server over the same shop."""
    started: list[Iterator[str]] = []

    def start(settings: Settings | None = None, catalogue: Catalogue | None = None) -> str:
        started.append(running(create_app(catalogue or shop.catalogue, settings)))
        return next(started[-1])

    yield start
    for one in started:
        next(one, None)


@pytest.fixture
def visit(browser: Any, shop: Shop) -> Iterator[Callable[..., Visit]]:
    """`visit(width=390)`: a fresh tab. At the end: no script failed and nothing was asked of another server."""
    contexts, troubles, asked = [], [], []

    def start(width: int = 1280, height: int = 900, address: str = "", scheme: str = "light") -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        return Visit(page, address or shop.address)

    yield start
    for context in contexts:
        context.close()
    assert troubles == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:", "data:"))] == []
