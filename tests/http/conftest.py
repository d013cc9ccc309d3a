"""A small shop behind the app, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from colour_model import ColourModel, draw_shop
from http_shop import Serve
from lapel import Catalogue
from lapel.interfaces.http import Settings, create_app


@pytest.fixture
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five outfits as files: red-red.png, red-blue.png, ..."""
    draw_shop(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def catalogue(tmp_path: Path, photos: Path, model: ColourModel) -> Catalogue:
    made = Catalogue.create(tmp_path / "shop.lapel", model)
    made.add(photos)
    return made


@pytest.fixture
def serve(catalogue: Catalogue) -> Iterator[Serve]:
    """`serve(Settings(...))` gives a client of the running app."""
    with ExitStack() as stack:

        def start(settings: Settings | None = None, **headers: str) -> TestClient:
            app = create_app(catalogue, settings)
            client = TestClient(app, raise_server_exceptions=False, headers=headers)
            return stack.enter_context(client)

        yield start


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()
