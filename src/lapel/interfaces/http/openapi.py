"""The OpenAPI document: what FastAPI gathers from the routes, with bodies, problems and the token added."""

from __future__ import annotations

import copy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from lapel.interfaces.http.documents import problems
from lapel.interfaces.http.guards import HEALTH
from lapel.interfaces.http.schemas import Explain, Query, Record
from lapel.interfaces.http.views import NewItem, ProblemView

REF = "#/components/schemas/{model}"
DESCRIPTION = """Search a catalogue by the details of photos.

A query is a list of parts: look like this item or photo in these attributes, with weights. Send it to `/v1/search`.
`/v1/attributes` says which attributes, values and columns there are. Every error is a problem (RFC 9457).
"""
ALWAYS = ("too-slow", "too-many", "wrong-host", "catalogue")


def describe(app: FastAPI, token: bool, hosts: bool) -> None:
    """Give the app its document; it is made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, token, hosts)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, token: bool, hosts: bool) -> dict[str, Any]:
    made = get_openapi(
        title="Lapel",
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    added: dict[str, type[BaseModel]] = {"Query": Query, "Explain": Explain, "Problem": ProblemView}
    if "post" in made["paths"]["/v1/items"]:
        added["NewItem"] = NewItem
    for name, model in added.items():
        schemas |= _component(model, name)
    for model in _records(Record):
        if model.__name__ in schemas and (examples := _examples(model)):
            schemas[model.__name__]["examples"] = examples  # FastAPI leaves a null out of them
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, token and path != HEALTH, hosts)
    if token:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


def _component(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=REF)
    inner: dict[str, Any] = schema.pop("$defs", {})
    return inner | {name: schema}


def _records(root: type[BaseModel]) -> list[type[BaseModel]]:
    below = root.__subclasses__()
    return below + [deeper for model in below for deeper in _records(model)]


def _examples(model: type[BaseModel]) -> Any:
    extra = model.model_config.get("json_schema_extra")
    return extra.get("examples") if isinstance(extra, dict) else None


def _complete(operation: dict[str, Any], method: str, token: bool, hosts: bool) -> None:
    kinds = [kind for kind in ALWAYS if hosts or kind != "wrong-host"]
    kinds += ["forbidden"] if method not in ("get", "head") else []
    kinds += ["token"] if token else []
    for status, problem in problems(*kinds).items():
        operation["responses"].setdefault(str(status), copy.deepcopy(problem))
    if "HTTPValidationError" in str(operation["responses"].get("422")):
        del operation["responses"]["422"]
    operation["responses"] = dict(sorted(operation["responses"].items()))
    if token:
        operation["security"] = [{"token": []}]
