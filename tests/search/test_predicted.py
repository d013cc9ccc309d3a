"""`neckline = 'v-shape' with confidence 0.6`: parsed, three-valued, and mixed with columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import QueryError, UnknownName
from lapel.schema.condition import And, Compare, Condition, Not, Or, Predicted
from lapel.search.predicted import Sides, meets
from lapel.search.where import parse
from lapel.store.arrow_filter import mask

COLUMNS = ("price", "confidence")
ATTRIBUTES = {"neckline": ("round", "v-shape", "off shoulder"), "sleeve": ("short", "long")}
SEEN = [("v-shape", 0.9), ("v-shape", 0.5), ("round", 0.7), ("off shoulder", 0.6), ("round", 0.3)]
SHOP = pa.table({"price": pa.array([10, 20, None, 40, 50], pa.int64())})


def read(text: str) -> Condition | None:
    return parse(text, COLUMNS, ATTRIBUTES)


def predicts(asked: Predicted) -> Sides:
    sure = np.array([probability >= asked.confidence for _, probability in SEEN])
    among = np.array([value in asked.values for value, _ in SEEN])
    return sure & among, sure & ~among


def rows(text: str) -> list[int]:
    condition = read(text)
    assert condition is not None
    return np.flatnonzero(meets(condition, lambda plain: mask(SHOP, plain), predicts)).tolist()


def test_how_it_is_read() -> None:
    assert read("neckline = 'v-shape' with confidence 0.6") == Predicted("neckline", ("v-shape",), 0.6)
    assert read("neckline IN ('round', 'v-shape') WITH Confidence 1") == Predicted("neckline", ("round", "v-shape"), 1)
    assert read("neckline != 'round' with confidence .5") == Not(Predicted("neckline", ("round",), 0.5))
    assert read("neckline not in ('round') with confidence .5") == Not(Predicted("neckline", ("round",), 0.5))
    assert read("confidence > 3 or sleeve = 'long' with confidence 0.5 and price < 5") == Or(
        (Compare("confidence", ">", 3), And((Predicted("sleeve", ("long",), 0.5), Compare("price", "<", 5))))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("neckline = 'v-shape' with confidence 0.6", [0]),
        ("neckline = 'v-shape' with confidence 0.5", [0, 1]),
        ("neckline in ('v-shape', 'round') with confidence 0.6", [0, 2]),
        ("neckline != 'v-shape' with confidence 0.6", [2, 3]),
        ("not neckline = 'v-shape' with confidence 0.6", [2, 3]),  # the unsure ones are unknown, either way
        ("not not neckline = 'v-shape' with confidence 0.6", [0]),
        ("price < 30 and neckline = 'v-shape' with confidence 0.4", [0, 1]),
        ("price > 30 or neckline = 'v-shape' with confidence 0.6", [0, 3, 4]),
        ("not (price > 30 or neckline = 'v-shape' with confidence 0.6)", []),
        (
            "not (price < 30 and neckline = 'round' with confidence 0.6)",
            [0, 3, 4],
        ),  # an empty price, sure round: unknown
        ("price is null and neckline = 'round' with confidence 0.6", [2]),
    ],
)
def test_what_it_means(text: str, expected: list[int]) -> None:
    assert rows(text) == expected


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=6), st.booleans())
def test_mixed_conditions_follow_three_valued_logic(leaves: list[tuple[bool, bool, bool]], both: bool) -> None:
    """Against a plain-loop recomputation with None for unknown."""
    terms: list[Condition] = []
    told: list[list[bool | None]] = []
    for stored, cheap, negated in leaves:
        if stored:
            leaf: Condition = Compare("price", "<" if cheap else ">=", 30)
            prices = SHOP["price"].to_pylist()
            truth = [None if price is None else (price < 30) == cheap for price in prices]
        else:
            leaf = Predicted("neckline", ("v-shape",) if cheap else ("round",), 0.6)
            truth = [None if p < 0.6 else value in leaf.values for value, p in SEEN]
        terms.append(Not(leaf) if negated else leaf)
        told.append([None if t is None else t != negated for t in truth])
    joined = (And if both else Or)(tuple(terms))

    def combine(cells: list[bool | None]) -> bool | None:
        decisive = not both
        if decisive in cells:
            return decisive
        return None if None in cells else not decisive

    for negate in (False, True):
        condition = Not(joined) if negate else joined
        found = meets(condition, lambda plain: mask(SHOP, plain), predicts).tolist()
        wanted = [combine([column[row] for column in told]) for row in range(len(SEEN))]
        assert found == [w is not None and w != negate for w in wanted]


@pytest.mark.parametrize(
    "text",
    [
        "neckline = 'v-shape' with",
        "neckline = 'v-shape' with confidence",
        "neckline = 'v-shape' with confidence 0",
        "neckline = 'v-shape' with confidence 1.01",
        "neckline = 'v-shape' with confidence -0.5",
        "neckline = 'v-shape' with confidence '0.6'",
        "neckline = 'v-shape' with confidence 0.6 0.7",
        "neckline = 'v-shape' with trust 0.6",
        "neckline = 'v-shape' confidence 0.6",
        "neckline < 'v-shape' with confidence 0.6",
        "neckline = 5 with confidence 0.6",
        "neckline in ('v-shape', 5) with confidence 0.6",
        "neckline like 'v%' with confidence 0.6",
        "neckline contains 'v' with confidence 0.6",
        "neckline is null with confidence 0.6",
        "neckline between 'a' and 'b' with confidence 0.6",
        "price < 5 with confidence 0.6",
        "neckline = 'v-shape' with confidence 0.6; drop table items",
        "neckline = 'v-shape' with confidence (select 1)",
        "neckline = 'v-shape' with confidence nan",
        "neckline = 'v-shape' with confidence 1e999",
        "neckline = 'v-shape'' or 1=1 --' with confidence 0.6",
        "neckline = 'x' with confidence 0.6 or 1=1",
        "neckline.__class__ = 'x' with confidence 0.6",
        "neckline = 'v-shape' with confidence 0.6 union select id",
        "with confidence 0.6",
        "neckline = 'v-shape'",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises((QueryError, UnknownName)) as refusal:
        read(text)
    assert len(str(refusal.value)) < 500


def test_unknown_names_get_suggestions() -> None:
    with pytest.raises(UnknownName, match="Unknown attribute 'necklin'. Did you mean 'neckline'"):
        read("necklin = 'round' with confidence 0.5")
    with pytest.raises(UnknownName, match="Unknown value of 'neckline' 'v-shap'. Did you mean 'v-shape'"):
        read("neckline in ('round', 'v-shap') with confidence 0.5")
    with pytest.raises(QueryError, match="no column of this catalogue, but its model predicts it; .*with confidence"):
        read("neckline = 'round'")
    with pytest.raises(QueryError, match="predicts no values"):
        parse("neckline = 'round' with confidence 0.5", COLUMNS)
