"""The OpenAPI document: complete, with examples that validate, and true (Schemathesis asks it everything)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from http_shop import by_item
from lapel import Catalogue
from lapel.interfaces.http import Settings, create_app

EXAMPLES = 25
OPERATIONS = {
    "search",
    "explain",
    "explain_item",
    "list_items",
    "get_item",
    "get_item_image",
    "get_attributes",
    "send_photo",
    "get_photo",
    "get_photo_image",
    "health",
    "metrics",
    "add_items",
    "remove_item",
}


@pytest.fixture(scope="module")
def document(catalogue: Catalogue) -> dict[str, Any]:
    made: dict[str, Any] = create_app(catalogue, Settings(write=True, token="t")).openapi()
    return json.loads(json.dumps(made))  # as it travels


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every request and response body: where, media type, what the document says of it."""
    for name, operation in operations(document):
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            yield name, kind, media
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                yield f"{name} {status}", kind, media


def test_the_document_names_every_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {operation["operationId"] for _, operation in operations(document)} == OPERATIONS
    for name, operation in operations(document):
        assert operation["summary"] and operation["description"], name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])


def test_every_answer_has_a_schema_and_problems_are_problems(document: dict[str, Any]) -> None:
    assert "ValidationError" not in json.dumps(document)
    for where, kind, media in bodies(document):
        assert media["schema"], where
        if where.split()[-1].isdigit() and int(where.split()[-1]) >= 400:
            assert kind == "application/problem+json", where
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
    for name, operation in operations(document):
        assert {"408", "429", "503"} <= set(operation["responses"]), name
        assert ("401" in operation["responses"]) == (name != "GET /v1/health")


def test_examples_are_there_and_validate(document: dict[str, Any]) -> None:
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)

    def check(schema: dict[str, Any], value: Any) -> None:
        pointed = json.loads(json.dumps(schema).replace('"#/components', '"urn:document#/components'))
        Draft202012Validator(pointed, registry=registry).validate(value)

    for where, kind, media in bodies(document):
        for example in media.get("examples", {}).values():
            if kind != "multipart/form-data":
                check(media["schema"], example["value"])
            elif "query" in example["value"]:
                check({"$ref": "#/components/schemas/Query"}, json.loads(example["value"]["query"]))
        if kind.endswith("json") and "$ref" not in media["schema"]:
            assert media.get("examples"), where
    exampled = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            check({"$ref": f"#/components/schemas/{name}"}, example)
            exampled += 1
    assert exampled >= 20


def test_answers_are_as_the_document_says(client: TestClient, document: dict[str, Any], photos: Path) -> None:
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    photo = (photos / "red-red.png").read_bytes()
    answers = {
        "Answer": client.post("/v1/search", json=by_item()),
        "ItemView": client.get("/v1/items/red-red"),
        "ItemList": client.get("/v1/items"),
        "Vocabulary": client.get("/v1/attributes"),
        "Health": client.get("/v1/health"),
        "PhotoView": client.post("/v1/photos", files={"photos": ("a.png", photo)}),
        "ExplanationView": client.post("/v1/explain", json={"query": by_item(), "item": "red-blue"}),
        "Problem": client.get("/v1/items/nobody"),
    }
    for name, answer in answers.items():
        reference = {"$ref": f"urn:document#/components/schemas/{name}"}
        Draft202012Validator(reference, registry=registry).validate(answer.json())


@pytest.fixture(scope="module")
def asked(catalogue: Catalogue, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The document of an app over a catalogue that may be written, as Schemathesis reads it."""
    folder = shutil.copytree(catalogue.folder, tmp_path_factory.mktemp("asked") / "shop.lapel")
    app = create_app(Catalogue.open(folder, model), Settings(write=True))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_schemathesis_finds_nothing(operation: str, mode: GenerationMode, asked: Any) -> None:
    """No 5xx; statuses, media types, headers and bodies as documented; what breaks the schema is refused.

    Left out: that whatever keeps to the schema is accepted. Which attributes, items and columns there are is the
    catalogue's, and no schema says it.
    """
    found = asked.find_operation_by_id(operation)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE and not found.body, "nothing could be generated"
