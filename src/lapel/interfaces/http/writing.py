"""POST /v1/items and DELETE /v1/items/{id}: there only when the server was started with --write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter, ValidationError

from lapel.errors import CatalogueError, TableError
from lapel.images import decode_side
from lapel.interfaces.http.answers import Json
from lapel.interfaces.http.documents import items_body, problems
from lapel.interfaces.http.problems import Problem, is_busy
from lapel.interfaces.http.requests import FORM, kind_of_body, read_asked
from lapel.interfaces.http.searching import Id
from lapel.interfaces.http.service import Service, service
from lapel.interfaces.http.uploads import open_photo
from lapel.interfaces.http.views import Added, NewItem, Removed

router = APIRouter(tags=["items"])
_NEW = TypeAdapter(Annotated[list[NewItem], Field(min_length=1)])


@router.post(
    "/v1/items",
    response_model=Added,
    responses=problems("unreadable", "exists", "busy-catalogue", "too-large", "media-type", "query"),
    openapi_extra=items_body(),
    summary="Add items",
    operation_id="add_items",
)
async def add(request: Request) -> Json:
    """New items with their photos, all or none; they are found from the moment this is answered.

    A form: in the field `items` a JSON list, in the field `photos` the files that it names. What is kept of a photo
    is what the model gave and a small picture.
    """
    its = service(request)
    if kind_of_body(request) != FORM:
        raise Problem("media-type", f"Send {FORM} with the fields 'items' and 'photos'.")
    data, form = await read_asked(request, its.settings.limits, ("items",))
    try:
        items = _NEW.validate_python(data, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the list"
        raise Problem("query", f"items: {place}: {first['msg']}.") from error
    return Json(await its.pool.run(_add, its, items, form.files))


def _add(its: Service, items: list[NewItem], files: Mapping[str, bytes]) -> dict[str, Any]:
    _check(its, items, files)
    side = decode_side(its.model.card.preprocess)
    for name, content in files.items():
        open_photo(content, name, its.settings.limits, side)  # every photo is known to be one before any is stored
    entries = [(item.id, files[item.photo], item.cells()) for item in items]
    try:
        wait = its.settings.write_seconds
        report = its.live.change(lambda catalogue: catalogue.add(entries, strict=True, wait=wait))
    except CatalogueError as error:
        raise error if is_busy(error) or "Column" not in str(error) else TableError(str(error)) from error
    return {"added": report.new, "items": len(its.live.now.catalogue)}


def _check(its: Service, items: list[NewItem], files: Mapping[str, bytes]) -> None:
    names, ids = [item.photo for item in items], [item.id for item in items]
    for kind, found in (("id", ids), ("photo", names)):
        if len(set(found)) < len(found):
            raise Problem("query", f"items: two of them have the same {kind}.")
    if set(names) != set(files):
        odd = sorted(set(names) ^ set(files))[0]
        raise Problem("query", f"The photo '{odd[:100]}' is named by an item and did not come, or the other way round.")
    if there := [item for item in ids if item in its.live.now.catalogue]:
        raise Problem("exists", f"Item '{there[0]}' is there already; remove it first, or give another id.")


@router.delete(
    "/v1/items/{id}",
    response_model=Removed,
    responses=problems("not-found", "busy-catalogue", "query"),
    summary="Remove an item",
    operation_id="remove_item",
)
async def remove(request: Request, id: Id) -> Json:
    """It is gone from the moment this is answered."""
    its = service(request)
    item = its.known_item(id)
    wait = its.settings.write_seconds
    removed = await its.pool.run(its.live.change, lambda catalogue: catalogue.remove([item], wait=wait))
    if not removed:
        raise Problem("not-found", f"There is no item '{item[:200]}' in this catalogue.")
    return Json({"removed": removed, "items": len(its.live.now.catalogue)})
