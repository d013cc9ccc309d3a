"""The API's answers: search, explain, items, photos, attributes. Colours make every answer predictable."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from colour_model import ColourModel
from http_shop import by_item, form, problem
from lapel import Catalogue, Query


def names(answer: dict) -> list[str]:
    return [hit["item"] for hit in answer["hits"]]


def test_a_query_by_item_answers_as_the_catalogue_does(client: TestClient, catalogue: Catalogue) -> None:
    asked = by_item("green-blue", "bottom", k=3, where="price < 40")
    found = client.post("/v1/search", json=asked).json()
    truth = catalogue.query(Query.from_dict(asked)).to_dict()
    assert names(found) == names(truth)
    assert [hit["score"] for hit in found["hits"]] == [hit["score"] for hit in truth["hits"]]
    assert {name: found[name] for name in ("exact", "recall", "considered", "weights")} == {
        "exact": True,
        "recall": None,
        "considered": 3,
        "weights": [{"reference": "item:green-blue", "attribute": "bottom", "weight": 1.0}],
    }


def test_the_answer_says_how_the_query_was_understood(client: TestClient) -> None:
    asked = {"parts": [{"reference": "item:red-red"}, {"reference": "item:red-blue", "weights": {"top": 3}}]}
    found = client.post("/v1/search", json=asked).json()
    assert found["query"] == {
        "parts": [
            {"reference": "item:red-red", "weights": {"look": 1.0}},
            {"reference": "item:red-blue", "weights": {"top": 3.0}},
        ],
        "k": 20,
    }
    assert [weight["weight"] for weight in found["weights"]] == [0.25, 0.75]


def test_hits_have_addresses_and_no_paths(client: TestClient, photos: Path) -> None:
    answer = client.post("/v1/search", json=by_item(k=1))
    hit = answer.json()["hits"][0]
    assert hit["image"] == hit["thumb"] == "/v1/items/red-red/image"
    assert hit["metadata"]["price"] == 10
    assert hit["values"]["top"]["value"] == "red"
    assert str(photos) not in answer.text


def test_photos_sent_along_mix_with_items(client: TestClient, photos: Path, model: ColourModel) -> None:
    before = model.embedded
    query = {
        "parts": [
            {"reference": "a.png", "weights": {"top": 0.5}},
            {"reference": "b.png", "weights": {"bottom": 0.5}},
            {"reference": "item:red-red", "weights": {"look": 0.1}, "unlike": True},
        ],
        "k": 1,
    }
    files = [
        (name, (photos / f"{source}.png").read_bytes())
        for name, source in (("a.png", "green-green"), ("b.png", "red-blue"))
    ]
    found = client.post("/v1/search", **form(query, *files)).json()
    assert names(found) == ["green-blue"]
    assert model.embedded == before + 2
    assert found["hits"][0]["score"] == pytest.approx(
        sum(part["weight"] * part["cosine"] for part in found["hits"][0]["parts"]), abs=1e-5
    )


def test_a_photo_is_analysed_once_and_named_in_later_queries(
    client: TestClient, photos: Path, model: ColourModel
) -> None:
    sent = client.post("/v1/photos", files={"photos": ("mine.png", (photos / "green-blue.png").read_bytes())}).json()
    embedded = model.embedded
    assert sent["values"]["top"]["value"] == "green" and sent["values"]["bottom"]["value"] == "blue"
    assert sum(sent["probabilities"]["top"].values()) == pytest.approx(1, abs=1e-5)
    assert sum(map(sum, sent["regions"]["top"])) == pytest.approx(1, abs=1e-5)
    query = {"parts": [{"reference": sent["photo"], "weights": {"top": 1, "bottom": 1}}], "k": 1}
    first = client.post("/v1/search", json=query).json()
    assert (names(first), model.embedded) == (["green-blue"], embedded)
    along = {"parts": [{"reference": "mine.png", "weights": {"top": 1, "bottom": 1}}], "k": 1}
    second = client.post("/v1/search", **form(along, ("mine.png", (photos / "green-blue.png").read_bytes()))).json()
    assert first["hits"][0]["score"] == second["hits"][0]["score"]
    token = sent["photo"].removeprefix("photo:")
    assert client.get(f"/v1/photos/{token}").json() == sent
    with Image.open(io.BytesIO(client.get(sent["image"]).content)) as picture:
        assert picture.format == "JPEG"
    why = client.get("/v1/items/green-blue/explain", params={"query": json.dumps(query)}).json()
    assert why["references"][0]["name"] == sent["photo"]


def test_a_photo_nobody_sent_is_a_clear_problem(client: TestClient) -> None:
    query = {"parts": [{"reference": "photo:" + "0" * 32}]}
    assert "send the photo again" in problem(client.post("/v1/search", json=query), 422, "query")
    problem(client.get("/v1/photos/" + "0" * 32), 404, "not-found")
    problem(client.get("/v1/photos/" + "0" * 32 + "/image"), 404, "not-found")


def test_why_an_item_is_a_hit(client: TestClient, photos: Path) -> None:
    query = by_item("red-blue", "top")
    why = client.get("/v1/items/red-red/explain", params={"query": json.dumps(query)}).json()
    score = next(h["score"] for h in client.post("/v1/search", json=query).json()["hits"] if h["item"] == "red-red")
    assert why["score"] == score == pytest.approx(sum(part["added"] for part in why["parts"]), abs=1e-5)
    assert why["attributes"] == ["top"]
    assert why["hit"]["name"] == "red-red" and why["hit"]["thumb"].startswith("data:image/jpeg;base64,")
    assert why["hit"]["regions"]["top"] == [[0.5, 0.5], [0.0, 0.0]]
    assert list(why["hit"]["values"]["top"]) == ["red", "green", "blue"] or why["hit"]["values"]["top"]["red"] > 0.9
    assert why["references"][0]["frame"] == {"left": 0.0, "top": 0.0, "width": 100.0, "height": 100.0}
    sent = {"parts": [{"reference": "q.png", "weights": {"top": 1}}]}
    asked = form(sent, ("q.png", (photos / "red-blue.png").read_bytes()))
    asked["files"].append(("item", (None, "red-red")))
    again = client.post("/v1/explain", **asked).json()
    assert again["hit"] == why["hit"]
    assert again["score"] == pytest.approx(why["score"], abs=1e-6)
    assert client.post("/v1/explain", json={"query": query, "item": "red-red"}).json()["parts"] == why["parts"]


def test_one_item_and_its_picture(client: TestClient, catalogue: Catalogue) -> None:
    item = client.get("/v1/items/red-blue").json()
    assert item["metadata"]["price"] == 20
    assert item["labels"]["bottom_colour"] == ["blue", "red"]
    assert item["values"]["bottom"] == {
        "value": "blue",
        "probability": max(item["probabilities"]["bottom"].values()),
    }
    picture = client.get(item["image"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content == catalogue.thumb("red-blue")
    again = client.get(item["image"], headers={"If-None-Match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_unknown_items_are_404(client: TestClient) -> None:
    for address in ("/v1/items/nobody", "/v1/items/nobody/image"):
        assert "nobody" in problem(client.get(address), 404, "not-found")
    query = {"query": json.dumps(by_item())}
    problem(client.get("/v1/items/nobody/explain", params=query), 404, "not-found")
    detail = problem(client.post("/v1/search", json=by_item("red-rod")), 422, "query")
    assert "Did you mean 'red-red'?" in detail


def test_items_in_the_order_they_were_added(client: TestClient) -> None:
    page = client.get("/v1/items", params={"where": "price >= 20", "offset": 1, "k": 1}).json()
    assert (page["total"], page["offset"], [i["item"] for i in page["items"]]) == (3, 1, ["green-blue"])
    assert client.get("/v1/items", params={"offset": 99}).json()["items"] == []
    problem(client.get("/v1/items", params={"k": 0}), 422, "query")


def test_what_can_be_asked(client: TestClient) -> None:
    known = client.get("/v1/attributes").json()
    assert [a["name"] for a in known["attributes"]] == ["top", "bottom"]
    assert known["attributes"][0]["values"] == ["red", "green", "blue"]
    columns = {column["name"]: column for column in known["columns"]}
    assert {k: columns["price"][k] for k in ("type", "least", "greatest", "empty", "label")} == {
        "type": "integer",
        "least": 10,
        "greatest": 40,
        "empty": 1,
        "label": False,
    }
    colours = columns["bottom_colour"]
    assert colours["label"] and colours["values"][0] == {"value": "blue", "items": 3} and colours["distinct"] == 3
    assert known["model"]["name"] == "colours" and known["items"] == 5 and not known["write"]
    assert known["limits"]["k"] == 200 and not known["words"]


def test_words_without_a_model_for_them_are_one_sentence(client: TestClient) -> None:
    detail = problem(client.post("/v1/search", json={"parts": [{"text": "for a party"}]}), 422, "query")
    assert "does not understand words" in detail


def test_the_page_is_served_from_memory(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    problem(client.get("/nothing.js"), 404, "not-found")
    problem(client.get("/../app.py"), 404, "not-found")
