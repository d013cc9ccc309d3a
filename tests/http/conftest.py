"""A small shop behind the app, in this process. What a test changes it does to a copy of its own (`own`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from colour_model import ColourModel, draw_shop
from http_shop import Serve
from lapel import Catalogue
from lapel.interfaces.http import Settings, create_app


@pytest.fixture(scope="module")
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five outfits as files: red-red.png, red-blue.png, ..."""
    return draw_shop(tmp_path_factory.mktemp("photos")).parent


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, photos: Path, model: ColourModel) -> Catalogue:
    made = Catalogue.create(tmp_path_factory.mktemp("shop") / "shop.lapel", model)
    made.add(photos)
    return made


@pytest.fixture(scope="module")
def client(catalogue: Catalogue) -> Iterator[TestClient]:
    with TestClient(create_app(catalogue), raise_server_exceptions=False) as running:
        yield running


@pytest.fixture
def own(catalogue: Catalogue, model: ColourModel, tmp_path: Path) -> Catalogue:
    """A copy that may be changed."""
    return Catalogue.open(shutil.copytree(catalogue.folder, tmp_path / "own.lapel"), model)


@pytest.fixture
def serve(catalogue: Catalogue) -> Iterator[Serve]:
    """`serve(Settings(...))` gives a client of a running app."""
    with ExitStack() as stack:

        def start(settings: Settings | None = None, over: Catalogue = catalogue, **headers: str) -> TestClient:
            app = create_app(over, settings)
            client = TestClient(app, raise_server_exceptions=False, headers=headers)
            return stack.enter_context(client)

        yield start
