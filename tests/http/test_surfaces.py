"""One query, one answer: the command, Python and HTTP give the same hits with the same scores."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")

from colour_model import draw, draw_shop
from colour_onnx import export_colours
from lapel import Catalogue, Query
from lapel.interfaces.cli.main import main
from lapel.interfaces.http import create_app

QUERIES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "an item": (
        ["--like", "item:red-blue:top"],
        {"parts": [{"reference": "item:red-blue", "weights": {"top": 1}}], "k": 20},
    ),
    "the whole look of a photo": (["--like", "a.png"], {"parts": [{"reference": "a.png"}], "k": 20}),
    "a mix of two photos": (
        ["--like", "a.png:top=0.7", "--like", "b.png:bottom=0.3", "-k", "3"],
        {
            "parts": [
                {"reference": "a.png", "weights": {"top": 0.7}},
                {"reference": "b.png", "weights": {"bottom": 0.3}},
            ],
            "k": 3,
        },
    ),
    "photo and item, not like a photo, filtered": (
        [
            *("--like", "a.png:top=0.7,bottom=0.2", "--like", "item:red-red:look=0.1", "--unlike", "b.png:top=0.4"),
            *("--where", "price >= 20 and title contains 'no.'"),
        ],
        {
            "parts": [
                {"reference": "a.png", "weights": {"top": 0.7, "bottom": 0.2}},
                {"reference": "item:red-red", "weights": {"look": 0.1}},
                {"reference": "b.png", "weights": {"top": 0.4}, "unlike": True},
            ],
            "where": "price >= 20 and title contains 'no.'",
        },
    ),
    "nothing passes the filter": (
        ["--like", "item:red-red", "--where", "price > 1000"],
        {"parts": [{"reference": "item:red-red"}], "where": "price > 1000"},
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surfaces")
    draw_shop(folder / "photos")
    draw(folder / "a.png", "green", "red", side=700)
    draw(folder / "b.png", "blue", "blue", side=90)
    Catalogue.create(folder / "shop.lapel", export_colours(folder / "model")).add(folder / "photos")
    return folder


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_query_has_the_same_answer_everywhere(
    name: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options, query = QUERIES[name]
    monkeypatch.chdir(shop)
    monkeypatch.setattr(sys, "argv", ["lapel", "search", "shop.lapel", *options, "--json"])
    main()
    by_command = json.loads(capsys.readouterr().out)
    in_python = Catalogue.open("shop.lapel").query(Query.from_dict(query)).to_dict()
    used = [p for p in ("a.png", "b.png") if any(part.get("reference") == p for part in query["parts"])]
    with TestClient(create_app("shop.lapel")) as client:
        form = [("query", (None, json.dumps(query))), *(("photos", (p, (shop / p).read_bytes())) for p in used)]
        over_http = client.post("/v1/search", files=form).json()
        sent = {p: client.post("/v1/photos", files={"photos": (p, (shop / p).read_bytes())}).json() for p in used}
        named = json.loads(json.dumps(query))
        for part in named["parts"]:
            part["reference"] = sent.get(part["reference"], {}).get("photo", part["reference"])
        by_token = client.post("/v1/search", json=named).json()
    for answer in (by_command, over_http, by_token):
        for fact in ("exact", "recall", "considered"):
            assert answer[fact] == in_python[fact]
        for fact in ("item", "score", "values", "metadata"):
            assert [hit[fact] for hit in answer["hits"]] == [hit[fact] for hit in in_python["hits"]], fact
        terms = [[(p["attribute"], p["weight"], p["cosine"]) for p in hit["parts"]] for hit in answer["hits"]]
        truth = [[(p["attribute"], p["weight"], p["cosine"]) for p in hit["parts"]] for hit in in_python["hits"]]
        assert terms == truth
    if name != "nothing passes the filter":
        assert in_python["hits"]
    assert Query.from_dict(over_http["query"]) == Query.from_dict(query)
