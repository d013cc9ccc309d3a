"""Parts of the OpenAPI document that routes hang on themselves: problems, bodies, pictures."""

from __future__ import annotations

import json
from typing import Any

from lapel.interfaces.http.problems import KINDS, MEDIA_TYPE, TYPE
from lapel.interfaces.http.uploads import PHOTOS

Responses = dict[int | str, dict[str, Any]]

DETAILS = {
    "unreadable": "This is no JSON: Expecting value: line 1 column 1 (char 0).",
    "token": "Send the header 'Authorization: Bearer TOKEN'.",
    "forbidden": "This request comes from the page of another site.",
    "not-found": "There is no item '42' in this catalogue.",
    "too-slow": "The answer was not ready after 30 s.",
    "busy-catalogue": "Another process is writing this catalogue. Searching goes on; try again when it has finished.",
    "exists": "Item '42' is there already; remove it first, or give another id.",
    "too-large": "The request's body is larger than 20971520 bytes, the most this server accepts.",
    "media-type": "a.jpg: not a picture; known formats are JPEG, PNG, ... Replace or remove the file.",
    "wrong-host": "This server is not called 'shop.example'.",
    "query": "Unknown attribute 'neckln'. Did you mean 'neckline'?",
    "too-many": "256 requests are at work or waiting; try again in a moment.",
    "catalogue": "The catalogue or its model cannot be used now; the server's log says why.",
}


def problems(*kinds: str) -> Responses:
    """The problems of a route, by status, each with an example."""
    made: Responses = {}
    for kind in kinds:
        status, title = KINDS[kind]
        example = {"type": TYPE + kind, "title": title, "status": status, "detail": DETAILS[kind]}
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        problem = made.setdefault(status, {"description": title, "content": {MEDIA_TYPE: content}})
        problem["content"][MEDIA_TYPE]["examples"][kind] = {"summary": title, "value": example}
    return made


def asked_body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    """A body that is JSON alone, or a form with the same entries and photos.

    example: the form's text fields; the first one's value is JSON there.
    """
    names = list(example)
    alone = example[names[0]] if len(names) == 1 else example
    fields: dict[str, Any] = {name: {"type": "string"} for name in names}
    fields[names[0]] |= {"contentMediaType": "application/json", "contentSchema": _ref("Query")}
    values = {name: v if isinstance(v, str) else json.dumps(v) for name, v in example.items()}
    return _body(
        {
            "application/json": {"schema": _ref(schema), "examples": {"by item": {"value": alone}}},
            "multipart/form-data": _form(fields, names, {"by item": {"value": values}}),
        }
    )


def photo_body() -> dict[str, Any]:
    """A body with one photo."""
    return _body({"multipart/form-data": _form({}, [PHOTOS], {})})


def items_body() -> dict[str, Any]:
    """A body with new items and their photos."""
    listed = {"type": "array", "minItems": 1, "items": _ref("NewItem")}
    fields = {"items": {"type": "string", "contentMediaType": "application/json", "contentSchema": listed}}
    example = json.dumps([{"id": "43", "photo": "dress.jpg", "metadata": {"price": 39.9, "color": ["red"]}}])
    return _body({"multipart/form-data": _form(fields, ["items", PHOTOS], {"one": {"value": {"items": example}}})})


def _form(fields: dict[str, Any], needed: list[str], examples: dict[str, Any]) -> dict[str, Any]:
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "Files, each under the name by which the query refers to it.",
    }
    schema = {
        "type": "object",
        "properties": fields | {PHOTOS: files},
        "required": needed,
        "additionalProperties": False,
    }
    return {"schema": schema} | ({"examples": examples} if examples else {})


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


PICTURE: Responses = {
    200: {
        "description": "The picture",
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The picture that the browser has is this one"},
}
METRICS: Responses = {
    200: {
        "description": "Prometheus's text format",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "examples": {"items": {"value": "# TYPE lapel_catalogue_items gauge\nlapel_catalogue_items 10000.0\n"}},
            }
        },
    }
}
