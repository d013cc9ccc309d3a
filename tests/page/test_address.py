"""The query lives in the address: kept, sent, gone back to, made by Python; and it means what it means over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from lapel import Query
from lapel.interfaces.http import Settings
from lapel.interfaces.page.showing import link
from lapel.schema import Part
from page_shop import Shop, Visit

Open = Callable[..., Visit]
QUERIES = [
    Query((Part("item:red-blue", {"top": 0.7, "bottom": 0.3}),)),
    Query((Part("item:red-red", {"top": 1.0}), Part("item:green-blue", {"bottom": 0.4})), k=3),
    Query((Part("item:green-green", {"look": 1.0}), Part("item:red-red", {"bottom": 0.5}, unlike=True))),
    Query((Part("item:red-red", {"look": 1.0}),), "price between 15 and 45 and top_colour in ('red', 'green')", 4),
    Query((Part("item:red-red", {"top": 0.2, "look": 0.9}),), "title contains 'No. 2' or price < 15", 5, True),
]


def _tell(data: Any, route: Any) -> None:
    route.fulfill(json=data)


def _asked(url: str) -> Any:
    return json.loads(parse_qs(urlsplit(url).query)["q"][0])


def _over_http(tab: Visit, query: Any) -> list[tuple[str, float]]:
    answer = tab.page.request.post(tab.address + "v1/search", data=query)
    assert answer.ok, answer.text()
    return [(hit["item"], round(hit["score"], 3)) for hit in answer.json()["hits"]]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_link_made_by_python_shows_the_hits_of_python_and_of_http(visit: Open, shop: Shop, query: Query) -> None:
    tab = visit()
    tab.page.goto(link(shop.address, query))
    tab.page.wait_for_selector(".hit:not(.skeleton)")
    shown = list(zip(tab.settled().hits(), map(float, tab.scores()), strict=True))
    assert shown == _over_http(tab, query.to_dict())
    assert shown == [(hit.item, pytest.approx(hit.score, abs=6e-4)) for hit in shop.catalogue.query(query).hits]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_what_the_page_writes_is_what_python_reads(visit: Open, shop: Shop, query: Query) -> None:
    tab = visit()
    tab.page.goto(link(shop.address, query))
    tab.page.wait_for_selector(".hit:not(.skeleton)")
    tab.settled().page.locator("[data-focus='map-toggle']").first.click()  # makes the page write its address again
    assert Query.from_dict(_asked(tab.page.url)) == query


def test_a_query_made_by_hand_is_the_query_in_the_address(visit: Open) -> None:
    tab = visit().go().begin("red-red").act("take:item:red-red:top").act("use:green-blue:bottom").act("diverse")
    query = _asked(tab.page.url)
    assert query == {
        "parts": [
            {"reference": "item:red-red", "weights": {"top": 1}},
            {"reference": "item:green-blue", "weights": {"bottom": 1}},
        ],
        "k": 24,
        "diverse": True,
    }
    again = visit()
    again.page.goto(tab.page.url)
    again.page.wait_for_selector(".hit:not(.skeleton)")
    assert (again.settled().hits(), again.scores(), again.pills()) == (tab.hits(), tab.scores(), tab.pills())


def test_back_and_forward_go_through_the_queries(visit: Open) -> None:
    tab = visit().go().begin("red-red")
    first = tab.hits()
    tab.act("take:item:red-red:bottom").act("use:green-blue:bottom")
    assert tab.pills() == ["A bottom blue 100%"]
    for expected in (["A bottom red 100%"], ["A whole look 100%"]):
        with tab.page.expect_response("**/v1/search"):
            tab.page.go_back()
        tab.page.wait_for_timeout(100)
        assert tab.settled().pills() == expected
    assert tab.hits() == first
    tab.page.go_back()
    tab.page.wait_for_selector("#start:not([hidden])")
    with tab.page.expect_response("**/v1/search"):
        tab.page.go_forward()
    tab.page.wait_for_timeout(100)
    assert tab.settled().hits() == first


def test_back_closes_a_comparison(visit: Open) -> None:
    tab = visit().go("?q=" + quote(json.dumps(QUERIES[0].to_dict())) + "&compare=red-red&compare=green-blue")
    tab.page.locator("[data-focus='compare']").click()
    tab.page.locator("#compare table").wait_for()
    tab.page.go_back()
    tab.page.locator("#compare table").wait_for(state="hidden")
    assert len(tab.hits()) == 5


def test_an_uploaded_photo_stays_in_the_address_while_the_server_has_it(visit: Open, shop: Shop) -> None:
    tab = visit().go()
    tab.page.set_input_files("#file", shop.photos / "blue-red.png")
    tab.page.wait_for_selector(".hit[data-item='blue-red']")
    again = visit()
    again.page.goto(tab.page.url)
    again.page.wait_for_selector(".hit[data-item='blue-red']")
    assert again.settled().hits() == tab.settled().hits()
    assert _over_http(tab, _asked(tab.page.url))[0][0] == "blue-red"


def test_a_photo_that_has_expired_can_be_chosen_again_and_nothing_else_is_lost(
    visit: Open, shop: Shop, serve: Callable[..., str]
) -> None:
    address = serve(Settings(photo_seconds=0.2))
    query = {"parts": [{"reference": f"photo:{'0' * 32}", "weights": {"top": 0.5}}, QUERIES[1].parts[1].to_dict()]}
    tab = visit(address=address).go("?q=" + quote(json.dumps(query)))
    assert "no longer holds this photo" in tab.page.locator("#references .notice").inner_text()
    assert "Photo A is missing" in tab.page.locator("#notice").inner_text()
    assert tab.pills() == ["A top 56%", "B bottom blue 44%"]
    with tab.page.expect_file_chooser() as chooser:
        tab.page.locator("#notice button").click()
    chooser.value.set_files(shop.photos / "red-red.png")
    tab.page.wait_for_selector(".hit:not(.skeleton)")
    assert tab.settled().pills() == ["A top red 56%", "B bottom blue 44%"]
    assert tab.hits()[0] == "red-blue"


def test_a_photo_that_expires_while_the_page_is_open_is_said(
    visit: Open, shop: Shop, serve: Callable[..., str]
) -> None:
    tab = visit(address=serve(Settings(photo_seconds=1.0))).go()
    tab.page.set_input_files("#file", shop.photos / "red-red.png")
    tab.page.wait_for_selector(".hit[data-item='red-red']")
    tab.page.wait_for_timeout(1500)
    tab.page.locator(".suggestions .chip").first.click()
    tab.page.wait_for_selector("#references .notice")
    assert "no longer holds this photo" in tab.page.locator("#references .notice").inner_text()
    assert tab.page.locator(".reference-name").inner_text() == "red-red.png"


def test_words_are_sent_as_a_part_where_the_model_reads_them(visit: Open) -> None:
    """The shop's model reads none: here the page is told that it does, and what it then asks is looked at."""
    look = {"reference": "item:red-red", "weights": {"look": 1}}
    changed = {"reference": "item:red-red", "text": "but in red", "weight": 1}
    for heads, parts in (
        ({"words": True, "composed": True}, [changed]),
        ({"words": False, "composed": True}, [changed]),
        ({"words": True, "composed": False}, [look, {"text": "but in red", "weight": 1}]),
    ):
        tab = visit()
        able = tab.page.request.get(tab.address + "v1/attributes").json() | heads
        tab.page.route("**/v1/attributes", partial(_tell, able))
        tab.go().begin("red-red")
        with tab.page.expect_request("**/v1/search") as asked:
            tab.page.locator("#words-field").fill("but in red")
            tab.page.locator("#words-field").press("Enter")
        assert asked.value.post_data_json["parts"] == parts
        tab.page.wait_for_selector("[data-focus='again']")  # the server says that its model has no such head
        assert any("but in red" in pill for pill in tab.pills())


def test_a_text_that_no_item_fits_is_said_above_the_hits(visit: Open) -> None:
    sentence = "No item seems to fit 'bicycle'; these are the nearest."

    def told(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | {"notes": [sentence]})

    tab = visit()
    tab.page.route("**/v1/search", told)
    tab.go().begin("red-red")
    tab.page.wait_for_selector("#notice [role='status']")
    assert tab.page.locator("#notice").inner_text() == sentence
    assert tab.hits()[0] == "red-red"


def test_a_broken_link_leads_to_the_beginning(visit: Open) -> None:
    tab = visit().go("?q=%7Bnonsense")
    assert tab.page.locator("#start").is_visible()
    assert "cannot be read" in tab.said


def test_a_query_that_the_server_refuses_says_why(visit: Open) -> None:
    tab = visit().go('?q={"parts":[{"reference":"item:red-red","weights":{"tpo":1}}]}')
    assert "Did you mean 'top'?" in tab.page.locator("#notice").inner_text()
    assert tab.page.locator("#results-title").inner_text() == "That did not work"


def test_a_server_with_a_token_asks_for_it_and_shows_pictures(visit: Open, serve: Callable[..., str]) -> None:
    tab = visit(address=serve(Settings(token="opensesame")))
    tab.page.goto(tab.address)
    tab.page.locator("#token").fill("opensesame")
    with tab.page.expect_response("**/v1/items/*/image*") as picture:
        tab.page.locator("main button").click()
    assert picture.value.ok
    assert tab.begin("red-red").hits()[0] == "red-red"


def test_a_server_that_went_away_is_said(visit: Open, shop: Shop) -> None:
    tab = visit().go().begin("red-red")
    tab.page.route("**/v1/search", lambda route: route.abort())
    tab.page.locator("[data-focus='take:item:red-red:top']").click()
    tab.page.wait_for_selector("[data-focus='again']")
    assert "does not answer" in tab.page.locator("#notice").inner_text()
    tab.page.unroute("**/v1/search")
    assert len(tab.act("again").hits()) == 5
