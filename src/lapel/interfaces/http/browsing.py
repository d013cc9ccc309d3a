"""GET /v1/items, /v1/items/{id} and its picture, /v1/attributes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from starlette.responses import Response

from lapel.interfaces.http.answers import Json, item_json, listed_json
from lapel.interfaces.http.asking import check_filter
from lapel.interfaces.http.documents import PICTURE, problems
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.schemas import ItemList, ItemView
from lapel.interfaces.http.searching import Id
from lapel.interfaces.http.service import Service, service
from lapel.interfaces.http.views import Vocabulary

router = APIRouter(tags=["items"])


@router.get(
    "/v1/items",
    response_model=ItemList,
    responses=problems("query"),
    summary="Some items in the order they were added",
    operation_id="list_items",
)
async def items(
    request: Request,
    where: Annotated[str, Parameter(description="A filter, as in a query.", max_length=10_000)] = "",
    offset: Annotated[int, Parameter(ge=0, le=2**31, description="How many to pass over.")] = 0,
    k: Annotated[int, Parameter(ge=1, description="How many to give.")] = 20,
) -> Json:
    """To have something to look at before anything is asked."""
    its = service(request)
    if k > its.settings.limits.k:
        raise Problem("query", f"k is {k}; this server gives at most {its.settings.limits.k} items.")
    if len(where) > its.settings.limits.text:
        raise Problem("query", f"The filter has {len(where)} characters; at most {its.settings.limits.text} are read.")
    return Json(await its.pool.run(_listed, its, where, offset, k))


def _listed(its: Service, where: str, offset: int, k: int) -> dict[str, Any]:
    check_filter(where)
    collection = its.live.now.catalogue.searcher.collection
    allow = collection.allowed(where)
    rows = np.arange(len(collection)) if allow is None else np.flatnonzero(allow)
    chosen = rows[offset : offset + k]
    own = collection.metadata_of(chosen)
    found = [
        listed_json(collection.ids[row], collection.values_of(int(row)), cells, its.addresses)
        for row, cells in zip(chosen, own, strict=True)
    ]
    return {"items": found, "total": len(rows), "offset": offset}


@router.get(
    "/v1/items/{id}",
    response_model=ItemView,
    responses=problems("not-found", "query"),
    summary="One item",
    operation_id="get_item",
)
async def item(request: Request, id: Id) -> Json:
    """What the catalogue keeps of an item: its columns, labels, and what the model sees on it."""
    its = service(request)
    catalogue = its.live.current().catalogue
    stored = await its.pool.run(catalogue.get, its.known_item(id))
    return Json(item_json(stored, its.addresses))


@router.get(
    "/v1/items/{id}/image",
    response_class=Response,
    responses=PICTURE | problems("not-found", "query"),
    summary="An item's picture",
    operation_id="get_item_image",
)
async def image(request: Request, id: Id) -> Response:
    """The picture kept in the catalogue: JPEG, at most 256 pixels a side. The photo it was made from is not needed."""
    its = service(request)
    catalogue = its.live.current().catalogue
    content = await its.pool.run(catalogue.thumb, its.known_item(id))
    return its.picture(request, content)


@router.get(
    "/v1/attributes",
    response_model=Vocabulary,
    summary="What can be asked",
    operation_id="get_attributes",
    tags=["catalogue"],
)
async def attributes(request: Request) -> Json:
    """Attributes and their values, the columns that filters may name, the model and its terms, this server's limits."""
    its = service(request)
    snapshot = its.live.current()
    columns = await its.pool.run(lambda: snapshot.columns)
    # A model that learnt words after the catalogue was filled has nothing stored to compare them with.
    card, stored = its.model.card, snapshot.catalogue.searcher.collection.card
    return Json(
        {
            "items": len(snapshot.catalogue.searcher.collection),
            "attributes": [{"name": a.name, "values": list(a.values)} for a in card.vocabulary],
            "words": stored.composed_dim > 0,
            "composed": stored.composed_dim > 0,
            "columns": columns,
            "model": {
                "name": card.name,
                "system": card.system,
                "backbone": card.backbone,
                "pretrained": card.pretrained,
                "scores": card.scores,
                "fingerprint": card.fingerprint,
                "licence": card.licence,
                "origin": card.origin,
                "notes": card.notes,
                "learnt_from": list(card.learnt_from),
                "attends": card.attends,
                "values_fitted": card.values_fitted,
            },
            "write": its.settings.write,
            "limits": asdict(its.settings.limits),
        }
    )
