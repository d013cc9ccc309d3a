"""The exact index is the truth: it must equal brute force in float64, whatever the weights, filters and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.errors import ShapeError, UnknownName
from lapel.index import ExactIndex, Term


def unit(x: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    return (x / np.where(norms > 0, norms, 1)).astype(np.float32)


def random_case(seed: int, n: int, coarse: bool) -> tuple[ExactIndex, list[Term]]:
    """coarse: few distinct vectors, so that ties are common."""
    draw = np.random.default_rng(seed)
    make = (lambda *s: draw.integers(-1, 2, s).astype(float)) if coarse else (lambda *s: draw.normal(size=s))
    index = ExactIndex({"neckline": unit(make(n, 6)), "sleeve": unit(make(n, 6)), "look": unit(make(n, 4))})
    terms = [
        Term("neckline", unit(make(6)), 0.7),
        Term("neckline", unit(make(6)), 0.1),
        Term("look", unit(make(4)), 0.2),
        Term("sleeve", unit(make(6)), -0.4),
    ]
    return index, terms


def brute_force(index: ExactIndex, terms: list[Term], allow: np.ndarray | None = None) -> list[tuple[int, float]]:
    scored = []
    for row in range(len(index)):
        if allow is not None and not allow[row]:
            continue
        score = 0.0
        for term in terms:
            a, b = index.blocks[term.block][row].astype(float), term.vector.astype(float)
            lengths = np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())
            score += term.weight * (float((a * b).sum()) / lengths if lengths else 0.0)
        scored.append((row, round(score, 10)))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))


seeds, sizes, coarse = st.integers(0, 2**32 - 1), st.integers(1, 60), st.booleans()


@given(seeds, sizes, coarse, st.integers(1, 70))
@settings(max_examples=80, deadline=None)
def test_the_result_is_that_of_brute_force_in_float64(seed: int, n: int, coarse: bool, k: int) -> None:
    index, terms = random_case(seed, n, coarse)
    rows, scores = index.search(terms, k)
    expected = brute_force(index, terms)[:k]
    assert rows.tolist() == [row for row, _ in expected]
    np.testing.assert_allclose(scores, [score for _, score in expected], atol=1e-9)


@given(seeds, sizes, coarse, st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_filter_then_rank_equals_rank_then_filter(seed: int, n: int, coarse: bool, share: float) -> None:
    index, terms = random_case(seed, n, coarse)
    allow = np.random.default_rng(seed + 1).random(n) < share
    filtered, _ = index.search(terms, 5, allow)
    ranked, _ = index.search(terms, n)
    assert filtered.tolist() == [row for row in ranked if allow[row]][:5]


@given(seeds, sizes, coarse, st.floats(1e-3, 1e3))
@settings(max_examples=60, deadline=None)
def test_scaling_all_weights_leaves_the_order(seed: int, n: int, coarse: bool, factor: float) -> None:
    index, terms = random_case(seed, n, coarse)
    total = sum(abs(t.weight) for t in terms)
    scaled_total = sum(abs(factor * t.weight) for t in terms)
    first, _ = index.search([Term(t.block, t.vector, t.weight / total) for t in terms], n)
    second, _ = index.search([Term(t.block, t.vector, factor * t.weight / scaled_total) for t in terms], n)
    assert first.tolist() == second.tolist()


@given(seeds, sizes)
@settings(max_examples=40, deadline=None)
def test_an_item_is_its_own_first_hit(seed: int, n: int) -> None:
    index, _ = random_case(seed, n, coarse=False)
    for row in range(n):
        terms = [Term(name, index.blocks[name][row], 1 / 3) for name in index.blocks]
        rows, scores = index.search(terms, 1)
        assert rows.tolist() == [row]
        assert scores[0] == pytest.approx(1.0, abs=1e-12)


@given(seeds, sizes, coarse, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_adding_an_item_never_removes_another_from_a_longer_list(seed: int, n: int, coarse: bool, k: int) -> None:
    index, terms = random_case(seed, n, coarse)
    extra, _ = random_case(seed + 1, 1, coarse)
    grown = ExactIndex({name: np.concatenate([block, extra.blocks[name]]) for name, block in index.blocks.items()})
    before, _ = index.search(terms, k)
    after, _ = grown.search(terms, k + 1)
    assert set(before) <= set(after)
    assert [row for row in after if row != n][: len(before)] == before.tolist()


def test_equal_scores_keep_insertion_order() -> None:
    same = unit(np.ones((5, 3)))
    rows, scores = ExactIndex({"a": same}).search([Term("a", same[0], 1.0)], 3)
    assert rows.tolist() == [0, 1, 2]
    assert len(set(scores)) == 1


def test_a_near_twin_with_a_longer_float32_vector_does_not_overtake_the_item_itself() -> None:
    # Float32 unit vectors are unit only to about 1e-7: a plain dot product would prefer the longer one.
    item = unit(np.array([3.0, 4.0, 12.0]))
    twin = (item * np.float32(1 + 3e-7)).astype(np.float32)
    twin[0] += np.float32(2e-5)
    rows, _ = ExactIndex({"a": np.stack([twin, item])}).search([Term("a", item, 1.0)], 2)
    assert float(twin @ item) > float(item @ item)
    assert rows.tolist() == [1, 0]


def test_an_item_without_the_attribute_scores_zero() -> None:
    index = ExactIndex({"a": np.array([[0, 0], [1, 0], [-1, 0]], np.float32)})
    rows, scores = index.search([Term("a", np.array([1, 0], np.float32), 1.0)], 3)
    assert rows.tolist() == [1, 0, 2]
    assert scores.tolist() == [1, 0, -1]


def test_nothing_allowed_gives_nothing() -> None:
    index, terms = random_case(0, 4, False)
    rows, scores = index.search(terms, 3, np.zeros(4, bool))
    assert len(rows) == len(scores) == 0


def test_an_empty_index_answers() -> None:
    rows, _ = ExactIndex({"a": np.zeros((0, 3), np.float32)}).search([Term("a", np.ones(3, np.float32), 1.0)], 5)
    assert len(rows) == 0


def test_wrong_shapes_and_names_are_refused() -> None:
    index, _ = random_case(0, 4, False)
    with pytest.raises(UnknownName, match="Unknown attribute 'neckine'. Did you mean 'neckline'"):
        index.search([Term("neckine", np.ones(6, np.float32), 1)], 1)
    with pytest.raises(ShapeError, match="'look' has vectors of 4 numbers"):
        index.search([Term("look", np.ones(6, np.float32), 1)], 1)
    with pytest.raises(ShapeError, match="this index has 4 rows"):
        index.search([Term("look", np.ones(4, np.float32), 1)], 1, np.ones(3, bool))
    with pytest.raises(ShapeError, match="one row an item"):
        ExactIndex({"a": np.ones((2, 3), np.float32), "b": np.ones((3, 3), np.float32)})
