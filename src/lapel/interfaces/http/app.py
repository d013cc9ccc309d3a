"""The app factory: a catalogue and settings in, an ASGI app out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from lapel.catalogue import Catalogue
from lapel.interfaces.http import about, browsing, photos, problems, searching, writing
from lapel.interfaces.http.answers import Addresses
from lapel.interfaces.http.batching import BatchedModel
from lapel.interfaces.http.guards import Clock, Names, Segments, Token, Watch
from lapel.interfaces.http.live import Live
from lapel.interfaces.http.metrics import Metrics
from lapel.interfaces.http.openapi import describe
from lapel.interfaces.http.page import page_files
from lapel.interfaces.http.service import Service
from lapel.interfaces.http.settings import Settings
from lapel.interfaces.http.shelf import Shelf
from lapel.interfaces.http.work import Pool


def create_app(catalogue: Catalogue | str | Path, settings: Settings | None = None) -> FastAPI:
    """The HTTP API and the search page over one catalogue.

    The catalogue is read into memory here, so a wrong one is refused here. The app is for one process: what is in
    memory, the photos sent and the batches of the model are its own.

    Args:
        catalogue: an open one (its model goes with it, one in memory too), or its folder.
        settings: see `Settings`; the default only reads and has no token.

    Raises:
        CatalogueError: it cannot be opened.
    """
    settings = settings or Settings()
    opened = catalogue if isinstance(catalogue, Catalogue) else Catalogue.open(catalogue)
    service = _service(opened, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.pool.close()
        service.model.close()

    app = FastAPI(
        title="Lapel",
        version=version("lapel"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    writes = (writing.router,) if settings.write else ()
    for router in (searching.router, browsing.router, photos.router, *writes, about.router):
        app.include_router(router)
    app.include_router(about.page_router(page_files()))
    _guard(app, service)
    describe(app, settings.token is not None, bool(settings.hosts))
    return app


def _service(catalogue: Catalogue, settings: Settings) -> Service:
    metrics = Metrics(lambda: len(live.now.catalogue.searcher.collection), lambda: len(shelf))
    model = BatchedModel(
        catalogue.manifest.card, catalogue.model, settings.batch, settings.batch_wait_ms, metrics.batch
    )
    live = Live(catalogue, model, settings.refresh_seconds)
    shelf = Shelf(settings.photos_kept, settings.photo_seconds)
    pool = Pool(settings.workers, settings.limits.waiting)
    return Service(settings, live, model, pool, shelf, metrics, Addresses(settings.token))


def _guard(app: FastAPI, service: Service) -> None:
    """The last one added stands outermost."""
    settings = service.settings
    app.add_middleware(Segments)
    app.add_middleware(Clock, seconds=settings.limits.seconds)
    if settings.token is not None:
        app.add_middleware(Token, token=settings.token, addresses=service.addresses)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=["GET", "POST", *(["DELETE"] if settings.write else [])],
            allow_headers=["authorization", "content-type"],
        )
    app.add_middleware(Names, hosts=settings.hosts, origins=settings.cors)
    app.add_middleware(Watch, metrics=service.metrics, shared=bool(settings.cors))
