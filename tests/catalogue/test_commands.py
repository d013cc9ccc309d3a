"""`lapel index` and `lapel search` from end to end, on an exported model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from colour_model import draw, draw_shop

pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")

from colour_onnx import export_colours
from lapel import Catalogue

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Path:
    draw_shop(tmp_path / "photos")
    model = export_colours(tmp_path / "model")
    assert run("index", tmp_path / "shop.lapel", tmp_path / "photos", "--model", model)[0] == 0
    return tmp_path / "shop.lapel"


def test_indexing_again_embeds_nothing(shop: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("index", shop, tmp_path / "photos")
    assert code == 0
    assert out.startswith("0 new, 5 unchanged (0 with new labels or metadata), 0 changed, 0 unreadable")
    assert out.endswith(f"{shop} holds 5 items.\n")


def test_the_report_as_json_and_unreadable_photos(shop: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "photos" / "red-red.png").write_bytes(b"")
    draw(tmp_path / "photos" / "red-blue.png", "white", "white")
    code, out, _ = run("index", shop, tmp_path / "photos", "--json")
    report = json.loads(out)
    assert code == 0
    assert {k: report[k] for k in ("new", "unchanged", "changed", "embedded", "items")} == {
        "new": 0, "unchanged": 3, "changed": 1, "embedded": 1, "items": 5
    }  # fmt: skip
    assert report["unreadable"][0]["image"].endswith("red-red.png")
    code, out, err = run("index", shop, tmp_path / "photos", "--strict")
    assert code == 1
    assert "red-red.png: the file is empty (0 bytes)" in err and "Traceback" not in err


def test_a_moved_catalogue_answers_without_the_models_folder(shop: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "model" / "model.onnx").unlink()
    moved = shop.rename(tmp_path / "elsewhere.lapel")
    query = draw(tmp_path / "query.png", "green", "red")
    code, out, _ = run("search", moved, "--like", f"{query}:top=3", "--like", "item:red-blue:bottom", "-k", 1, "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["hits"][0]["item"] == "green-blue"
    assert answer["weights"] == [
        {"reference": str(query), "attribute": "top", "weight": 0.75},
        {"reference": "item:red-blue", "attribute": "bottom", "weight": 0.25},
    ]
    assert answer["exact"] and answer["considered"] == 5
    assert answer["hits"][0]["score"] == pytest.approx(
        sum(part["weight"] * part["cosine"] for part in answer["hits"][0]["parts"]), abs=1e-5
    )


def test_the_command_and_python_give_the_same_hits(shop: Path, tmp_path: Path, run: Run) -> None:
    query = draw(tmp_path / "query.png", "red", "blue")
    _, out, _ = run(
        "search", shop, "--like", query, "--unlike", "item:red-red:bottom=0.5", "--where", "price > 5", "--json"
    )
    catalogue = Catalogue.open(shop)
    hits = catalogue.search(query, unlike={"item:red-red": {"bottom": 0.5}}, where="price > 5")
    assert [(h["item"], h["score"]) for h in json.loads(out)["hits"]] == [(h.item, round(h.score, 6)) for h in hits]


def test_the_table_for_people(shop: Path, run: Run) -> None:
    _, out, _ = run("search", shop, "--like", "item:red-blue:top", "-k", 2)
    assert re.search(r"1\s+red-blue\s+1\.000\s+\+1\.000\s+red", out)
    assert "2 of 5 items, exact." in out
    _, out, _ = run("search", shop, "--like", "item:red-blue", "--where", "price > 999")
    assert out == "No item meets the filter.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--like", "item:red-red:tpo"], "Unknown attribute 'tpo'. Did you mean 'top'? This catalogue's model knows:"),
        (["--like", "item:red-red", "--where", "prise < 5"], "Unknown column 'prise'. Did you mean 'price'?"),
        (["--like", "item:red-red", "--where", "price < 5; drop"], "The filter cannot be read at character 10"),
        (["--like", "item:red-red", "-k", "0"], "k is 0; ask for at least one hit."),
        ([], "A query needs at least one wish: a reference to look like (--like PHOTO:attribute=weight) or words."),
        (["--unlike", "item:red-red"], "A query needs at least one wish: a reference to look like"),
        (["--like", "nowhere.jpg:top"], "nowhere.jpg: there is no such file."),
    ],
)
def test_wrong_questions_get_one_line(shop: Path, run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("search", shop, *arguments)
    assert code == 1 and out == ""
    assert err.startswith(f"Error: {message}") and err.count("\n") == 1


def test_wrong_places_get_one_line(shop: Path, tmp_path: Path, run: Run) -> None:
    code, _, err = run("search", tmp_path / "nothing.lapel", "--like", "a.jpg")
    assert code == 1 and "is not a catalogue (no catalogue.json in it). Make one: lapel index" in err
    other = export_colours(tmp_path / "other", weights="others")
    code, _, err = run("index", shop, tmp_path / "photos", "--model", other)
    assert code == 1 and "was filled by model 'colours'" in err and "into a new catalogue" in err
    code, _, err = run("index", tmp_path / "new.lapel", tmp_path / "photos", "--model", "lapel-light")
    assert code == 1 and "Unknown model 'lapel-light'." in err
    assert not (tmp_path / "new.lapel").exists()
    code, _, err = run("index", tmp_path / "new.lapel", tmp_path / "nowhere")
    assert code == 1 and "there is no such file or folder" in err


def test_a_power_cut_is_one_line_too(shop: Path, run: Run) -> None:
    min((shop / "items.lance" / "_versions").glob("*.manifest")).write_bytes(b"")
    code, _, err = run("search", shop, "--like", "item:red-red")
    assert "Warning: " in err and "as after a power cut" in err and "RuntimeWarning" not in err
    assert code == 1 and "Unknown item" in err  # the one commit that held the items is gone; index fills it again


def test_the_contact_sheet_is_one_file_with_everything(shop: Path, tmp_path: Path, run: Run) -> None:
    page = tmp_path / "hits.html"
    query = draw(tmp_path / "<b>query.png", "red", "white")
    code, out, _ = run(
        "search", shop, "--like", f"{query}:top=0.7", "--like", "item:red-blue:bottom=0.3", "--unlike", "item:red-red",
        "--where", "title contains '<i>' or price > 5", "--html", page,
    )  # fmt: skip
    text = page.read_text()
    assert code == 0 and f"Contact sheet: {page}" in out.replace("\n", "")
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:http|//|file|/)""", text)  # no outside assets
    assert "<b>query" not in text and "&lt;b&gt;query.png" in text and "<i>&#39;" not in text
    assert text.count('<img class="heat') == 2 * (3 + 4)  # both attributes on three references and four hits
    assert text.count("<li>") == 4 and "4 of 4 items" in text
    assert "top 0.70" in text and "bottom 0.30" in text and "look -1.00" in text


@pytest.mark.slow
def test_the_page_shows_its_heat_maps_in_a_browser(
    shop: Path, tmp_path: Path, run: Run, chromium: Callable[..., str]
) -> None:
    page = tmp_path / "hits.html"
    run("search", shop, "--like", "item:red-blue:bottom", "--html", page)
    probe = """<script>
      const maps = [...document.querySelectorAll('.heat')];
      const seen = () => maps.map(m => getComputedStyle(m).opacity).join('');
      const before = seen();
      maps.forEach(m => m.style.transition = 'none');
      document.querySelector('.pick0').click();
      const broken = [...document.images].filter(i => i.complete && !i.naturalWidth).length;
      const fits = document.documentElement.scrollWidth <= innerWidth;
      document.title = [before, seen(), broken, fits].join(' ');
    </script></body>"""
    page.write_text(page.read_text().replace("</body>", probe))
    for width in ("500,900", "1280,900"):
        title = re.search("<title>(.*?)</title>", chromium(f"--window-size={width}", "--dump-dom", page.as_uri()))
        assert title is not None
        assert title[1] == "000000 111111 0 true"


def test_add_wants_a_catalogue_that_is_there(shop: Path, tmp_path: Path, run: Run) -> None:
    draw(tmp_path / "more" / "white.png", "white", "white")
    code, out, _ = run("add", shop, tmp_path / "more", "--json")
    assert code == 0 and (json.loads(out)["new"], json.loads(out)["items"]) == (1, 6)
    code, _, err = run("add", tmp_path / "shop.lapal", tmp_path / "more")
    assert code == 1 and "is not a catalogue" in err


def test_update_by_table_and_by_hand(shop: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "prices.csv").write_text("id,price\nred-red,11\nnobody,1\n")
    code, out, err = run("update", shop, tmp_path / "prices.csv")
    assert (code, out) == (0, "1 updated, 0 had these values already.\n") and "1 ids are not stored: nobody" in err
    code, out, _ = run("update", shop, "--item", "red-blue", "--set", "price=", "--set", "sold=true", "--json")
    assert json.loads(out) == {"updated": 1, "unchanged": 0, "unknown": []}
    stored = Catalogue.open(shop).items().table
    assert stored["price"].to_pylist() == [11, None, 30, 40, None]
    assert stored["sold"].to_pylist() == [None, True, None, None, None]
    assert run("update", shop)[0] == 2 and run("update", shop, "--item", "red-red", "--set", "x")[0] == 2


def test_remove_by_id_and_by_filter(shop: Path, run: Run) -> None:
    assert json.loads(run("remove", shop, "red-red", "nobody", "--json")[1]) == {"removed": 1, "items": 4}
    assert run("remove", shop, "--where", "price >= 30")[1] == f"2 removed. {shop} holds 2 items.\n"
    assert Catalogue.open(shop).items().ids == ("red-blue", "blue-red")
    assert run("remove", shop)[0] == 2


def test_info_compact_and_verify(shop: Path, run: Run) -> None:
    assert json.loads(run("info", shop, "--json")[1])["items"] == 5
    code, out, _ = run("info", shop)
    assert code == 0 and "price (int64)" in out and "colours" in out
    code, out, _ = run("compact", shop, "--json")
    assert code == 0 and json.loads(out)["items"] == 5
    code, out, err = run("verify", shop, "--photos")
    assert (code, err) == (0, "")
    assert out == "5 items read, 0 problems.\nOriginal photos: 5 as they were, 0 changed, 0 missing.\n"
    (shop / "model" / "model.onnx").write_bytes(b"x")
    code, out, err = run("verify", shop)
    assert code == 1 and err.startswith("damaged: ") and "its model 'colours' cannot be opened" in err
