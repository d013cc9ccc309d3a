"""GET /v1/health, /metrics, and the page's files."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from lapel.interfaces.http.answers import Json
from lapel.interfaces.http.documents import METRICS
from lapel.interfaces.http.page import PageFile
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.service import service
from lapel.interfaces.http.views import Health

router = APIRouter(tags=["server"])


@router.get("/v1/health", response_model=Health, summary="Whether the server can answer", operation_id="health")
async def health(request: Request) -> Json:
    """Open even where a token is needed."""
    its = service(request)
    items = len(its.live.current().catalogue.searcher.collection)
    trouble = "The catalogue has changed and cannot be loaded; the server's log says why." if its.live.trouble else ""
    status = "stale" if trouble else "ok"
    return Json({"status": status, "items": items, "version": version("lapel"), "trouble": trouble})


@router.get("/metrics", response_class=Response, responses=METRICS, summary="For Prometheus", operation_id="metrics")
async def metrics(request: Request) -> Response:
    """Requests by route and status, times, sizes of the model's calls, items served."""
    return Response(service(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def page_router(page: dict[str, PageFile]) -> APIRouter:
    """The page at `/` and its files beside it; anything else is not there."""
    made = APIRouter(include_in_schema=False)

    @made.get("/{path:path}")
    async def file(request: Request, path: Annotated[str, Path()]) -> Response:
        found = page.get("/" + path)
        if found is None:
            raise Problem("not-found", f"Nothing is served at {request.url.path}.")
        headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)

    return made
