"""POST /v1/search, POST /v1/explain and GET /v1/items/{id}/explain."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi import Query as Parameter

from lapel.interfaces.http.answers import Json
from lapel.interfaces.http.asking import read_json, read_query
from lapel.interfaces.http.documents import asked_body, problems
from lapel.interfaces.http.requests import read_asked, read_search
from lapel.interfaces.http.schemas import QUERY, Answer, ExplanationView
from lapel.interfaces.http.service import service

router = APIRouter(tags=["search"])
Id = Annotated[str, Path(description="An item's id, percent-encoded as one segment.", examples=["42"])]


@router.post(
    "/v1/search",
    response_model=Answer,
    responses=problems("unreadable", "too-large", "media-type", "query"),
    openapi_extra=asked_body("Query", {"query": QUERY}),
    summary="Search",
    operation_id="search",
)
async def search(request: Request) -> Json:
    """The items most like the references in the attributes named.

    Send the query as JSON when it names items (`item:ID`) and photos sent before (`photo:TOKEN`) only. To send photos
    along, send a form: the query's JSON in the field `query`, files in the field `photos`, each under the name by
    which the query refers to it.
    """
    its = service(request)
    query, files = await read_search(request, its.settings.limits)
    return Json(await its.pool.run(its.search, its.live.current(), query, files))


@router.post(
    "/v1/explain",
    response_model=ExplanationView,
    responses=problems("unreadable", "too-large", "media-type", "query"),
    openapi_extra=asked_body("Explain", {"query": QUERY, "item": "7"}),
    summary="Why an item is a hit, for queries with photos",
    operation_id="explain",
)
async def explain(request: Request) -> Json:
    """As `GET /v1/items/{id}/explain`, for a query whose photos are sent along in a form, as in a search."""
    its = service(request)
    data, form = await read_asked(request, its.settings.limits, ("query", "item"))
    query = read_query(data, its.settings.limits)
    item = form.fields["item"]
    return Json(await its.pool.run(its.explain, its.live.current(), query, item, form.files))


@router.get(
    "/v1/items/{id}/explain",
    response_model=ExplanationView,
    responses=problems("unreadable", "not-found", "too-large", "query"),
    summary="Why an item is a hit",
    operation_id="explain_item",
    tags=["items"],
)
async def explain_item(
    request: Request,
    id: Id,
    query: Annotated[
        str,
        Parameter(
            description="The query's JSON, naming items and photos sent before.",
            openapi_examples={"by item": {"value": '{"parts":[{"reference":"item:42","weights":{"neckline":1}}]}'}},
        ),
    ],
) -> Json:
    """What each part of the query adds to the item's score, and where the model looked on the query and on the item.

    The item need not be among the hits.
    """
    its = service(request)
    limits = its.settings.limits
    asked = read_query(read_json(query.encode(errors="surrogatepass"), limits), limits)
    return Json(await its.pool.run(its.explain, its.live.current(), asked, its.known_item(id), {}))
