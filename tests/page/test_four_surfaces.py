"""One query on four surfaces: the command, Python, HTTP and the page show the same hits and scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")

from colour_model import draw, draw_shop
from colour_onnx import export_colours
from lapel import Catalogue, Query
from lapel.interfaces.cli.main import main
from page_shop import Visit

QUERIES: dict[str, dict[str, Any]] = {
    "a mix, one part not wished, filtered": {
        "parts": [
            {"reference": "item:red-blue", "weights": {"top": 0.7, "look": 0.1}},
            {"reference": "item:green-green", "weights": {"bottom": 0.2}},
            {"reference": "item:blue-red", "weights": {"bottom": 0.4}, "unlike": True},
        ],
        "where": "price >= 10 and title contains 'no.'",
        "k": 4,
    },
    "what the model sees, near duplicates folded": {
        "parts": [{"reference": "item:red-red", "weights": {"top": 1}}],
        "where": "not top = 'blue' with confidence 0.5",
        "diverse": True,
    },
    "a photo and an item": {
        "parts": [
            {"reference": "a.png", "weights": {"top": 0.6}},
            {"reference": "item:red-blue", "weights": {"bottom": 0.4}},
        ],
        "k": 3,
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    draw_shop(folder / "photos")
    draw(folder / "a.png", "green", "red", side=300)
    Catalogue.create(folder / "shop.lapel", export_colours(folder / "model")).add(folder / "photos")
    return folder


@pytest.mark.parametrize("name", QUERIES)
def test_command_python_http_and_page_agree(
    name: str,
    shop: Path,
    serve: Callable[..., str],
    visit: Callable[..., Visit],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    query = QUERIES[name]
    monkeypatch.chdir(shop)
    Path("query.json").write_text(json.dumps(query))
    monkeypatch.setattr(sys, "argv", ["lapel", "search", "shop.lapel", "--query", "query.json", "--json"])
    main()
    by_command = _hits(json.loads(capsys.readouterr().out))
    catalogue = Catalogue.open("shop.lapel")
    in_python = [(hit.item, round(hit.score, 6)) for hit in catalogue.query(Query.from_dict(query)).hits]

    tab = visit(address=serve(catalogue=catalogue))
    named = _with_tokens(query, tab)
    over_http = _hits(tab.page.request.post(tab.address + "v1/search", data=named).json())
    tab.page.goto(tab.address + "?q=" + quote(json.dumps(named)))
    tab.page.wait_for_selector(".hit:not(.skeleton)")
    shown = list(zip(tab.settled().hits(), tab.scores(), strict=True))

    assert in_python and by_command == in_python == over_http
    assert shown == [(item, _as_shown(score)) for item, score in in_python]


def _as_shown(score: float) -> str:
    """Three digits, a 5 rounded away from zero: a browser's rule, where Python's takes the binary number."""
    return str(Decimal(str(score)).quantize(Decimal("0.001"), ROUND_HALF_UP))


def _hits(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return [(hit["item"], round(hit["score"], 6)) for hit in answer["hits"]]


def _with_tokens(query: dict[str, Any], tab: Visit) -> dict[str, Any]:
    """The query with its photo sent to the server, as the page does before it searches."""
    named: dict[str, Any] = json.loads(json.dumps(query))
    for part in named["parts"]:
        if not part["reference"].startswith("item:"):
            file = {"name": part["reference"], "mimeType": "image/png", "buffer": Path(part["reference"]).read_bytes()}
            part["reference"] = tab.page.request.post(tab.address + "v1/photos", multipart={"photos": file}).json()[
                "photo"
            ]
    return named
