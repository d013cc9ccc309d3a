"""The query's JSON: the same for every surface, read strictly, written back equal."""

from __future__ import annotations

import json
import pickle
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import QueryError
from lapel.schema import Answer, Contribution, Hit, Part, Query

WHOLE: dict[str, Any] = {
    "parts": [
        {"reference": "item:42", "weights": {"neckline": 0.7, "look": 0.3}},
        {"text": "for a party", "weight": 0.5},
        {"reference": "a.jpg", "text": "but in red", "weight": 1.0},
        {"reference": "a.jpg", "weights": {"color": 1.0}, "unlike": True},
    ],
    "k": 7,
    "where": "price < 50",
    "diverse": True,
}


def test_a_whole_query_there_and_back() -> None:
    query = Query.from_dict(WHOLE)
    assert query == Query(
        (
            Part("item:42", {"neckline": 0.7, "look": 0.3}),
            Part.words("for a party", 0.5),
            Part.composed("a.jpg", "but in red"),
            Part("a.jpg", {"color": 1}, unlike=True),
        ),
        "price < 50",
        7,
        True,
    )
    assert query.to_dict() == WHOLE
    assert query.references == ("item:42", "a.jpg")


def test_what_is_left_out_has_a_meaning() -> None:
    assert Query.from_dict({"parts": [{"reference": "item:1"}]}) == Query((Part("item:1", {"look": 1.0}),))
    assert Query.from_dict({"parts": [{"text": "red"}]}) == Query((Part.words("red"),))


names, weights = st.text(min_size=1, max_size=8), st.floats(1e-6, 1e6)
looks = st.builds(Part, names, st.dictionaries(names, weights, min_size=1, max_size=3), st.booleans())
said = st.text(min_size=1, max_size=20).filter(str.strip)
parts = st.one_of(
    looks, st.builds(Part.words, said, weights, st.booleans()), st.builds(Part.composed, names, said, weights)
)
queries = st.lists(parts, min_size=1, max_size=5).filter(lambda p: any(not part.unlike for part in p))


@given(queries, st.text(max_size=20), st.integers(1, 1000), st.booleans())
def test_every_query_survives_json(given_parts: list[Part], where: str, k: int, diverse: bool) -> None:
    query = Query(tuple(given_parts), where, k, diverse)
    assert Query.from_dict(json.loads(json.dumps(query.to_dict()))) == query


PART = {"reference": "item:1"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "The query is \\[\\]; expected an object"),
        ({}, "'parts' is None; expected a list"),
        ({"parts": []}, "at least one wish"),
        ({"parts": [{**PART, "unlike": True}]}, "at least one wish"),
        ({"parts": {"reference": "item:1"}}, "expected a list of parts"),
        ({"parts": [PART], "limit": 5}, "unknown entry 'limit'; expected parts, where, k, diverse"),
        ({"parts": ["item:1"]}, "Part 1 is 'item:1'; expected an object"),
        ({"parts": [PART, {}]}, "A part of the query is empty"),
        ({"parts": [{"reference": 5}]}, "Part 1: 'reference' is 5; expected text"),
        ({"parts": [{"reference": None}]}, "'reference' is None; expected text"),
        ({"parts": [{**PART, "weigths": {}}]}, "Part 1 has an unknown entry 'weigths'"),
        ({"parts": [{**PART, "weights": {}}]}, "names no attribute"),
        ({"parts": [{**PART, "weights": ["look"]}]}, "expected an object of attribute and weight"),
        ({"parts": [{**PART, "weights": {"look": "1"}}]}, "the weight of 'look' is '1'; expected a number"),
        ({"parts": [{**PART, "weights": {"look": True}}]}, "the weight of 'look' is True"),
        ({"parts": [{**PART, "weights": {"look": -1}}]}, "a weight is a number above 0"),
        ({"parts": [{**PART, "weights": {"look": float("nan")}}]}, "is nan; expected a number"),
        ({"parts": [{**PART, "weights": {"look": 10**400}}]}, "expected a number"),
        ({"parts": [{**PART, "weight": 1}]}, "has 'weights' by attribute, not one 'weight'"),
        ({"parts": [{"text": "red", "weights": {"look": 1}}]}, "has one 'weight', not 'weights'"),
        ({"parts": [{"text": ""}]}, "'text' is empty"),
        ({"parts": [{"text": "   "}]}, "'text' is empty"),
        ({"parts": [{"text": "x" * 1001}]}, "has 1001 characters; at most 1000"),
        ({"parts": [{**PART, "unlike": 1}]}, "'unlike' is 1; expected true or false"),
        ({"parts": [PART], "k": 0}, "k is 0"),
        ({"parts": [PART], "k": 2.0}, "'k' is 2.0; expected a whole number"),
        ({"parts": [PART], "k": True}, "'k' is True"),
        ({"parts": [PART], "where": None}, "'where' is None; expected text"),
        ({"parts": [PART], "diverse": "yes"}, "'diverse' is 'yes'"),
    ],
)
def test_anything_else_is_refused_by_name(data: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        Query.from_dict(data)


def test_whole_numbers_of_thousands_of_digits_are_refused_by_name() -> None:
    huge = 10**6000
    for data in (
        {"parts": [{**PART, "weights": {"look": -huge}}]},
        {"parts": [{"text": "red", "weight": huge}]},
        {"parts": [{**PART, "unlike": huge}]},
        {"parts": [PART], "k": -huge},
        {"parts": [PART], "where": huge},
    ):
        with pytest.raises(QueryError, match="is int too long to write out"):
            Query.from_dict(data)


def test_a_weight_that_no_score_can_use_is_refused_in_python_too() -> None:
    for weight in (10**400, -(10**6000), True, "0.5", None, float("inf"), float("nan"), 0):
        for make in (partial(Part, "item:1", {"look": weight}), partial(Part.words, "red", weight)):
            with pytest.raises(QueryError, match="a weight is a number above 0"):
                make()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(st.sampled_from(["parts", "reference", "weights", "text", "k", "look"]), x, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_json_crashes_the_reader(data: Any) -> None:
    try:
        query = Query.from_dict(data)
    except QueryError:
        return
    assert Query.from_dict(query.to_dict()) == query


def test_an_answer_as_json_says_how_it_was_found() -> None:
    part = Contribution("item:1", "neckline", 1.0, 0.5)
    hit = Hit("a", 0.5, "a.jpg", (part,), {"price": 3}, {"neckline": ("round", 0.25)}, ("b",))
    data = Answer((hit,), 9, False, (part,), 0.9912345678).to_dict()
    assert json.loads(json.dumps(data)) == {
        "exact": False,
        "recall": 0.991235,
        "considered": 9,
        "weights": [{"reference": "item:1", "attribute": "neckline", "weight": 1.0}],
        "hits": [
            {
                "item": "a",
                "score": 0.5,
                "image": "a.jpg",
                "parts": [{"reference": "item:1", "attribute": "neckline", "weight": 1.0, "cosine": 0.5}],
                "metadata": {"price": 3},
                "values": {"neckline": {"value": "round", "probability": 0.25}},
                "folded": ["b"],
            }
        ],
        "notes": [],
    }


def test_a_hit_that_left_its_process_says_where_to_ask() -> None:
    hit = pickle.loads(pickle.dumps(Hit("a", 0.5, "a.jpg", why=lambda: None)))  # type: ignore[arg-type, return-value]
    with pytest.raises(QueryError, match=r"catalogue\.explain\(query, item\)"):
        hit.explain()
