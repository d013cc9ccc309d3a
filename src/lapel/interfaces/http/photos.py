"""POST /v1/photos: a photo is analysed once, and a token stands for it in later queries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from lapel.interfaces.http.answers import Json, frame_of, values_json
from lapel.interfaces.http.asking import PHOTO
from lapel.interfaces.http.documents import PICTURE, photo_body, problems
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.requests import FORM, kind_of_body
from lapel.interfaces.http.schemas import PhotoView
from lapel.interfaces.http.service import Service, service
from lapel.interfaces.http.uploads import PHOTOS, read_form
from lapel.search import Reference

router = APIRouter(tags=["photos"])
Token = Annotated[str, Path(description="What stands behind `photo:`.", examples=["b1946ac92492d2347c6235b4d2611184"])]


@router.post(
    "/v1/photos",
    response_model=PhotoView,
    responses=problems("unreadable", "too-large", "media-type", "query"),
    openapi_extra=photo_body(),
    summary="Analyse a photo and keep it for later queries",
    operation_id="send_photo",
)
async def send(request: Request) -> Json:
    """What the model sees on a photo, and a name (`photo:TOKEN`) that stands for it in queries.

    The photo itself is not kept: only what the model gave and a small picture, in memory, for a while.
    """
    its = service(request)
    if kind_of_body(request) != FORM:
        raise Problem("media-type", f"Send {FORM} with one file in the field '{PHOTOS}'.")
    form = await read_form(request, its.settings.limits)
    if len(form.files) != 1 or form.fields:
        raise Problem("query", f"Send one photo in the field '{PHOTOS}', and nothing else.")
    found = await its.pool.run(its.embed, form.files)
    reference = next(iter(found.values()))
    return Json(_view(its, its.shelf.put(reference), reference))


@router.get(
    "/v1/photos/{token}",
    response_model=PhotoView,
    responses=problems("not-found", "query"),
    summary="A photo that was sent",
    operation_id="get_photo",
)
async def get(request: Request, token: Token) -> Json:
    """What `POST /v1/photos` said of it."""
    its = service(request)
    return Json(_view(its, PHOTO + token, _kept(its, token)))


@router.get(
    "/v1/photos/{token}/image",
    response_class=Response,
    responses=PICTURE | problems("not-found", "query"),
    summary="The small picture of a photo that was sent",
    operation_id="get_photo_image",
)
async def image(request: Request, token: Token) -> Response:
    """JPEG, at most 256 pixels a side."""
    its = service(request)
    return its.picture(request, _kept(its, token).thumb)


def _kept(its: Service, token: str) -> Reference:
    found = its.shelf.get(PHOTO + token)
    if found is None:
        raise Problem("not-found", "This photo is not known (any more). Send it again to POST /v1/photos.")
    return found


def _view(its: Service, name: str, reference: Reference) -> dict[str, Any]:
    card, outputs = its.model.card, reference.outputs
    assert outputs is not None
    probabilities = {
        attribute.name: {v: round(float(p), 6) for v, p in zip(attribute.values, outputs.values[0, part], strict=True)}
        for attribute, part in zip(card.vocabulary, card.vocabulary.slices, strict=True)
        if card.values_fitted and attribute.values
    }
    regions = dict(zip(card.vocabulary.names, reference.regions, strict=True)) if card.attends else {}
    picture = its.addresses.photo(name.removeprefix(PHOTO))
    return {
        "photo": name,
        "image": picture,
        "thumb": picture,
        "seconds": its.settings.photo_seconds,
        "values": values_json(reference.values),
        "probabilities": probabilities,
        "regions": {a: [[round(float(x), 6) for x in row] for row in grid] for a, grid in regions.items()},
        "frame": frame_of(reference.thumb, card.preprocess),
    }
