"""`lapel search`: the options, the query file, and the same answer as in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from colour_model import draw_shop

pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")

from colour_onnx import export_colours
from lapel import Catalogue, Part, Query
from lapel.search import parse_change, parse_words

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    draw_shop(folder / "photos")
    made = Catalogue.create(folder / "shop.lapel", export_colours(folder / "model"))
    made.add(folder / "photos")
    return made.folder


def test_a_query_file_options_and_python_give_the_same(shop: Path, tmp_path: Path, run: Run) -> None:
    query = Query(
        (Part("item:red-red", {"top": 0.75}), Part("item:green-blue", {"bottom": 0.25}), Part("item:red-red", {"look": 0.5}, True)),
        "price < 50 and top = 'red' with confidence 0.5",
        3,
        diverse=True,
    )  # fmt: skip
    file = tmp_path / "query.json"
    file.write_text(json.dumps(query.to_dict()))
    by_file = run("search", shop, "--query", file, "--json")
    like = [
        "--like",
        "item:red-red:top=0.75",
        "--like",
        "item:green-blue:bottom=0.25",
        "--unlike",
        "item:red-red:look=0.5",
    ]
    by_options = run("search", shop, *like, "--where", query.where, "-k", "3", "--diverse", "--json")
    assert by_file[0] == by_options[0] == 0
    assert json.loads(by_file[1]) == json.loads(by_options[1]) == Catalogue.open(shop).query(query).to_dict()
    assert json.loads(by_file[1])["hits"]


def test_a_query_file_stands_alone_and_is_read_strictly(shop: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "query.json"
    file.write_text('{"parts": [{"reference": "item:red-red"}], "limit": 3}')
    code, _, err = run("search", shop, "--query", file)
    assert code == 1 and "unknown entry 'limit'" in err
    code, _, err = run("search", shop, "--query", file, "-k", "3")
    assert code == 1 and "-k stands beside --query; the file holds the whole query." in err
    file.write_text("{")
    code, _, err = run("search", shop, "--query", file)
    assert code == 1 and "cannot be read as JSON" in err
    code, _, err = run("search", shop, "--query", tmp_path / "none.json")
    assert code == 1 and "none.json' cannot be read: No such file" in err and err.count("\n") == 1
    for text, reason in (("[" * 60_000, "nested too deeply"), ("9" * 5_000, "a whole number in it has")):
        file.write_text(text)
        code, _, err = run("search", shop, "--query", file)
        assert code == 1 and f"cannot be read as JSON: {reason}" in err and err.count("\n") == 1


def test_words_need_a_model_that_understands_them(shop: Path, run: Run) -> None:
    for asked in (["--text", "red"], ["--change", "item:red-red", "but in green"]):
        code, out, err = run("search", shop, *asked)
        assert (code, out, err.count("\n")) == (1, "", 1) and "does not understand words" in err


def test_words_and_their_weights() -> None:
    assert parse_words("for a party") == Part.words("for a party")
    assert parse_words("for a party=0.5") == Part.words("for a party", 0.5)
    assert parse_words("size=XL") == Part.words("size=XL")
    assert parse_change("a.jpg", "but in red = 2") == Part.composed("a.jpg", "but in red", 2)


def test_why_and_folded_hits_are_shown(shop: Path, tmp_path: Path, run: Run) -> None:
    why = tmp_path / "why.png"
    code, out, _ = run("search", shop, "--like", "item:red-blue:top", "-k", "2", "--diverse", "--why", why)
    assert code == 0 and f"Why red-blue: {why}" in out
    with Image.open(why) as picture:
        assert picture.format == "PNG"


def test_the_heat_maps_of_a_catalogue_are_checked(shop: Path, run: Run) -> None:
    code, out, _ = run("explain-check", shop, "-n", "3", "--json")
    data = json.loads(out)
    assert code == 0 and [row["attribute"] for row in data["attributes"]] == ["top", "bottom"]
    assert all(row["pairs"] == 3 and row["low"] <= row["difference"] <= row["high"] for row in data["attributes"])
    code, out, _ = run("explain-check", shop, "-n", "2")
    assert code == 0 and "top region" in out and "2 pairs an attribute" in " ".join(out.split())
    code, _, err = run("explain-check", shop, "--share", "1.5")
    assert code == 1 and "between 0 and 1" in err
