"""The page's pure parts: filters to text and back, and what clicks do to a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lapel.search.where import parse
from page_shop import Visit

FILTERS: list[tuple[str, Any]] = [
    ("", []),
    ("color = 'red'", [{"column": "color", "kind": "choice", "values": ["red"]}]),
    ("color in ('it''s', 'b,c')", [{"column": "color", "kind": "choice", "values": ["it's", "b,c"]}]),
    ("sale = true", [{"column": "sale", "kind": "choice", "values": [True]}]),
    ("price between 5 and 10", [{"column": "price", "kind": "range", "low": 5, "high": 10}]),
    ("price >= 2.5", [{"column": "price", "kind": "range", "low": 2.5, "high": None}]),
    ('"size cm" <= 38', [{"column": "size cm", "kind": "range", "low": None, "high": 38}]),
    ("title contains 'and or'", [{"column": "title", "kind": "text", "text": "and or"}]),
    (
        "price between 5 and 10 and color = 'a and b'",
        [
            {"column": "price", "kind": "range", "low": 5, "high": 10},
            {"column": "color", "kind": "choice", "values": ["a and b"]},
        ],
    ),
]
RAW = ["price < 5", "color = 'red' or color = 'blue'", "not (a = 1 and b = 2)", "a = 1 and a = 2", "x is null", "(("]


@pytest.fixture
def run(visit: Callable[..., Visit]) -> Callable[[str, Any], Any]:
    """Evaluate an expression over the modules F (filters) and Q (query), given x."""
    page = visit().go().page
    begin = 'async (x) => { const F = await import("./js/filters.js"), Q = await import("./js/query.js"); return '
    return lambda code, given=None: page.evaluate(begin + code + " }", given)


def test_filters_become_text_that_lapel_parses_and_come_back(run: Callable[..., Any]) -> None:
    for text, filters in FILTERS:
        assert run("F.toWhere(x)", filters) == text
        assert run("F.fromWhere(x)", text) == filters
        assert (parse(text) is None) == (text == "")


def test_a_filter_that_no_widget_can_show_is_kept_as_it_is(run: Callable[..., Any]) -> None:
    for text in RAW:
        assert run("F.fromWhere(x)", text) == [{"kind": "raw", "text": text}]
        assert run("F.toWhere(F.fromWhere(x))", text) == text


def test_a_raw_filter_beside_another_keeps_its_meaning(run: Callable[..., Any]) -> None:
    red = {"column": "color", "kind": "choice", "values": ["red"]}
    text = run("F.toWhere(F.put(F.fromWhere(x[0]), x[1]))", ["price < 5 or sale = true", red])
    assert text == "(price < 5 or sale = true) and color = 'red'"
    assert parse(text) == parse("(price < 5 or sale = true) and (color = 'red')")
    brackets = run("F.toWhere(F.put(F.fromWhere(x[0]), x[1]))", ["(a = 1) or (b = 2)", red])
    assert parse(brackets) == parse("((a = 1) or (b = 2)) and color = 'red'")


def test_an_empty_filter_only_removes(run: Callable[..., Any]) -> None:
    assert run('F.put(F.fromWhere("a = 1"), { column: "a", kind: "range", low: null, high: null })') == []


def test_one_detail_comes_from_one_picture(run: Callable[..., Any]) -> None:
    made = run("""Q.toJson(Q.take(Q.take(Q.take(Q.begin(Q.EMPTY, "item:a"), "item:a", "neckline"), "item:a", "sleeve"),
      "item:b", "neckline"))""")
    assert made["parts"] == [
        {"reference": "item:a", "weights": {"sleeve": 1}},
        {"reference": "item:b", "weights": {"neckline": 1}},
    ]


def test_a_weight_goes_with_its_detail(run: Callable[..., Any]) -> None:
    made = run("""Q.toJson(Q.take(Q.weigh(Q.take(Q.begin(Q.EMPTY, "item:a"), "item:a", "sleeve"), "+item:a ", "sleeve",
      0.3), "item:b", "sleeve"))""")
    assert made["parts"] == [{"reference": "item:b", "weights": {"sleeve": 0.3}}]


def test_shares_are_the_servers_normalised_weights(run: Callable[..., Any]) -> None:
    query = {
        "parts": [
            {"reference": "item:a", "weights": {"x": 0.6, "y": 0.9}},
            {"reference": "item:b", "weights": {"x": 0.3}, "unlike": True},
        ],
        "k": 5,
    }
    assert run("[0.6, 0.9, 0.3].map((w) => Q.share(Q.fromJson(x), w))", query) == pytest.approx([0.4, 0.6, 0.2])


def test_words_replace_words_and_change_a_reference_where_only_that_is_possible(run: Callable[..., Any]) -> None:
    assert run('Q.toJson(Q.say(Q.say(Q.EMPTY, "red"), " in blue ")).parts') == [{"text": "in blue", "weight": 1}]
    assert run('Q.toJson(Q.say(Q.EMPTY, "but red", "item:a")).parts') == [
        {"reference": "item:a", "text": "but red", "weight": 1}
    ]
    assert run('Q.say(Q.say(Q.EMPTY, "red"), "").parts') == []


def test_words_change_the_one_reference_that_stands_for_its_whole_look(run: Callable[..., Any]) -> None:
    look, changed = {"reference": "a", "weights": {"look": 1}}, {"reference": "a", "text": "red", "weight": 1}
    assert run('Q.changeable(Q.begin(Q.EMPTY, "a"))') == "a"
    assert run('Q.changeable(Q.take(Q.begin(Q.EMPTY, "a"), "a", "x"))') == ""
    assert run('Q.changeable(Q.add(Q.begin(Q.EMPTY, "a"), "b"))') == ""
    begun = 'Q.say(Q.begin(Q.EMPTY, "a"), "red", "a")'
    assert run(f"Q.toJson({begun}).parts") == [changed] and run(f"Q.changeable({begun})") == "a"
    assert run(f'Q.toJson(Q.say({begun}, "", "a")).parts') == [look]
    assert run(f'Q.toJson(Q.say({begun}, "blue", "a")).parts') == [changed | {"text": "blue"}]
    with_detail = 'Q.say(Q.take(Q.add(Q.begin(Q.EMPTY, "a"), "b"), "b", "x"), "red", "a")'
    assert run(f"Q.toJson({with_detail}).parts") == [{"reference": "b", "weights": {"x": 1}}, changed]


def test_json_there_and_back(run: Callable[..., Any]) -> None:
    query = {
        "parts": [
            {"reference": "item:a", "weights": {"x": 0.5}},
            {"text": "for a party", "weight": 0.5},
            {"reference": "item:a", "text": "but in red", "weight": 1, "unlike": True},
        ],
        "k": 7,
        "where": "price < 5",
        "diverse": True,
    }
    assert run("Q.toJson(Q.fromJson(x))", query) == query
