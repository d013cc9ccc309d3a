"""The main paths: start, weigh, mix, remove, filter, look, compare; each seen in what the page then shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from page_shop import Shop, Visit

Open = Callable[..., Visit]


def test_it_begins_with_items_and_an_item_finds_itself_first(visit: Open) -> None:
    tab = visit().go()
    assert tab.page.locator("#beginnings button").count() == 5
    tab.begin("red-blue")
    assert tab.hits()[0] == "red-blue" and len(tab.hits()) == 5
    assert tab.pills() == ["A whole look 100%"]
    assert tab.scores()[0] == "1.000"


def test_an_uploaded_photo_is_read_and_searched(visit: Open, shop: Shop) -> None:
    tab = visit().go()
    tab.page.set_input_files("#file", shop.photos / "green-blue.png")
    tab.page.wait_for_selector(".hit[data-item='green-blue']")
    tab.settled()
    assert tab.hits()[0] == "green-blue"
    assert tab.page.locator(".reference-name").inner_text() == "green-blue.png"
    chips = " ".join(tab.page.locator(".suggestions .chip").all_inner_texts())
    assert "top green" in " ".join(chips.split()) and "%" in chips


def test_a_photo_is_taken_by_dropping_and_by_pasting(visit: Open, shop: Shop) -> None:
    bytes_of = list((shop.photos / "blue-red.png").read_bytes())
    send = """([bytes, kind]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
      const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        tab = visit().go()
        tab.page.evaluate(send, [bytes_of, kind])
        tab.page.wait_for_selector(".hit[data-item='blue-red']")
        assert tab.settled().hits()[0] == "blue-red"
        assert tab.page.locator(".reference-name").inner_text() == f"{kind}.png"


def test_the_first_detail_takes_the_place_of_the_whole_look(visit: Open) -> None:
    tab = visit().go().begin("red-blue").act("take:item:red-blue:top")
    assert tab.pills() == ["A top red 100%"]
    assert set(tab.hits()[:2]) == {"red-blue", "red-red"}


def test_a_hits_detail_becomes_the_reference_and_the_other_detail_stays(visit: Open) -> None:
    tab = visit().go().begin("red-red").act("take:item:red-red:top").act("take:item:red-red:bottom")
    assert tab.pills() == ["A top red 50%", "A bottom red 50%"]
    tab.act("use:green-blue:bottom")
    assert tab.pills() == ["A top red 50%", "B bottom blue 50%"]
    assert tab.hits()[0] == "red-blue"  # red above as A, blue below as B
    assert "bottom now comes from" in tab.said or "hits" in tab.said


def test_moving_a_weight_changes_the_order(visit: Open) -> None:
    tab = visit().go().begin("green-green").act("take:item:green-green:top").act("use:blue-red:bottom")
    before = tab.hits()
    assert tab.pills() == ["A top green 50%", "B bottom red 50%"]
    slider = tab.page.locator(".wish input[data-attribute='top']")
    with tab.page.expect_response("**/v1/search"):
        slider.fill("0.05")
    tab.settled()
    tab.page.wait_for_timeout(100)
    assert tab.pills() == ["A top green 5%", "B bottom red 95%"]
    assert tab.hits() != before and set(tab.hits()[:2]) == {"blue-red", "red-red"}
    assert tab.page.locator(".wish .share").all_inner_texts() == ["5%", "95%"]


def test_every_part_of_the_mix_can_be_removed(visit: Open) -> None:
    tab = visit().go().begin("red-red").act("take:item:red-red:top").act("use:green-blue:bottom")
    tab.act("pill:+item:red-red :top")
    assert tab.pills() == ["A bottom blue 100%"]
    tab.page.locator("[data-focus='drop:item:green-blue']").click()
    tab.page.wait_for_selector("#start:not([hidden])")
    assert "q=" not in tab.page.url


def test_unlike_pushes_away_and_can_be_turned(visit: Open) -> None:
    tab = visit().go().begin("red-blue").act("unlike:red-red")
    assert tab.pills() == ["A whole look 100%", "B not whole look 50%"]
    assert tab.page.locator(".hit[data-item='red-red'] .part-added").last.inner_text().startswith("-")
    tab.act("turn:-item:red-red ")
    assert [pill.startswith("B whole look") for pill in tab.pills()] == [False, True]


def test_filters_come_from_the_catalogues_own_columns(visit: Open) -> None:
    tab = visit().go().begin("red-red")
    tab.page.locator("[data-focus='column:price']").click()
    low = tab.page.locator("[data-focus='column:price:low']")
    assert low.get_attribute("placeholder") == "10"
    with tab.page.expect_response("**/v1/search"):
        low.fill("20")
        low.press("Enter")
    tab.settled()
    assert set(tab.hits()) == {"red-blue", "green-blue", "green-green"}
    assert "price from 20" in tab.pills()
    tab.page.locator("[data-focus='column:top_colour']").click()
    tab.act("column:top_colour=green")
    assert set(tab.hits()) == {"green-blue", "green-green"}
    assert tab.page.locator("#results-title").inner_text() == "2 of 2 items that pass the filters"
    tab.act("filter:price")
    assert tab.pills() == ["A whole look 100%", "top colour: green"]


def test_a_predicted_value_filters(visit: Open) -> None:
    tab = visit().go().begin("red-red")
    tab.page.locator("[data-focus='group:seen']").click()
    tab.page.locator("[data-focus='seen:bottom']").click()
    tab.act("seen:bottom=blue")
    assert set(tab.hits()) == {"red-blue", "green-blue"}
    assert "bottom looks blue, 60% sure" in tab.pills()


def test_nothing_passes_and_one_click_brings_it_back(visit: Open) -> None:
    tab = visit().go('?q={"parts":[{"reference":"item:red-red"}],"where":"price > 1000"}')
    assert tab.hits() == []
    assert "No item passes these filters." in tab.page.locator("#notice").inner_text()
    assert tab.pills()[1] == "price > 1000"
    tab.act("clear")
    assert len(tab.hits()) == 5


def test_the_heat_map_lies_where_the_model_looked(visit: Open) -> None:
    """The model of this shop looks at the top left quarter for `top`, at the bottom right one for `bottom`."""
    tab = visit().go().begin("red-blue").act("take:item:red-blue:top")
    tab.page.locator("[data-focus='map-toggle']").first.click()
    tab.page.wait_for_selector(".hit canvas:not([hidden])")
    weigh = """canvas => { const [w, h] = [canvas.width, canvas.height];
      const pixels = canvas.getContext("2d").getImageData(0, 0, w, h).data;
      const at = (x, y) => pixels[4 * (Math.floor(y * h) * w + Math.floor(x * w)) + 3];
      return [at(0.2, 0.2), at(0.8, 0.8)]; }"""
    canvas = tab.page.locator(".hit canvas:not([hidden])").first
    strong, weak = canvas.evaluate(weigh)
    assert strong > 100 and weak < 40
    tab.page.locator("#tools select").select_option("bottom")
    tab.page.wait_for_selector(".hit canvas[data-attribute='bottom']:not([hidden])")
    weak, strong = tab.page.locator(".hit canvas:not([hidden])").first.evaluate(weigh)
    assert strong > 100 and weak < 40
    assert "map=bottom" in tab.page.url
    tab.page.locator("#tools [data-focus='map-toggle']").click()
    assert tab.page.locator("canvas:not([hidden])").count() == 0


def test_hits_are_compared_side_by_side(visit: Open) -> None:
    tab = visit().go().begin("red-blue").act("take:item:red-blue:top")
    for item in ("red-red", "green-green"):
        tab.page.locator(f"[data-focus='compare:{item}']").click()
    tab.page.locator("[data-focus='compare']").click()
    table = tab.page.locator("#compare table")
    table.wait_for()
    assert table.locator("thead th").count() == 3  # the reference and the two
    rows = {row.locator("th").text_content(): row for row in table.locator("tbody tr").all()}
    assert rows["top"].locator(".value").all_inner_texts() == ["red", "red", "green"]
    assert "differs" in (rows["top"].get_attribute("class") or "")
    assert rows["price"].locator("td").all_inner_texts() == ["", "10", "40"]
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator("#compare").is_visible()


def test_an_items_own_window_offers_every_detail(visit: Open) -> None:
    tab = visit().go().begin("red-blue")
    tab.page.locator("[data-focus='open:green-green']").click()
    window = tab.page.locator("#item")
    window.wait_for()
    assert window.locator("h2").inner_text() == "green-green No. 4"
    assert window.locator(".chip").count() == 2 and "open=green-green" in tab.page.url
    with tab.page.expect_response("**/v1/search"):
        window.locator("[data-attribute='top']").click()
    tab.settled()
    assert not window.is_visible()
    assert tab.pills() == ["A whole look 50%", "B top green 50%"]


def test_more_hits_are_asked_for_by_a_button(visit: Open) -> None:
    tab = visit().go('?q={"parts":[{"reference":"item:red-red"}],"k":2}')
    assert len(tab.hits()) == 2
    tab.act("more")
    assert len(tab.hits()) == 5


def test_a_picture_that_is_none_is_refused_with_the_servers_sentence(visit: Open, tmp_path: Path, shop: Shop) -> None:
    tab = visit().go()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    tab.page.set_input_files("#file", bad)
    tab.page.wait_for_selector("#toast p")
    assert "not a picture" in tab.page.locator("#toast").inner_text()
    shutil.copy(shop.photos / "red-red.png", bad)
    tab.page.set_input_files("#file", bad)
    tab.page.wait_for_selector(".hit[data-item='red-red']")


def test_the_words_field_says_why_it_is_closed(visit: Open) -> None:
    tab = visit().go().begin("red-red")
    field: Any = tab.page.locator("#words-field")
    assert field.is_disabled()
    assert tab.page.locator("#words-why").inner_text() == "This catalogue's model does not read words."
