"""The fast rankings against plain loops, in both modes, with ties, left-out items and several values."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.errors import InputError, ShapeError
from lapel.evaluation.ranking import Ranked, rank_all
from lapel.evaluation.relevance import Relevance
from lapel.evaluation.wide import rank_wide
from lapel.schema import Labels


def plain(queries, gallery, relevant, left_out) -> list[tuple[float, int, int, int, list[int]]]:
    """The definition, one item after another."""
    results = []
    for q, query in enumerate(queries):
        scores = [float(np.float32(np.dot(query, item))) for item in gallery]
        order = sorted((i for i in range(len(gallery)) if not left_out[q][i]), key=lambda i: (-scores[i], i))
        found, total, first = 0, 0.0, 0
        for place, i in enumerate(order, start=1):
            if relevant[q][i]:
                found += 1
                total += found / place
                first = first or place
        results.append((total / found if found else 0.0, first, found, len(order), order))
    return results


def agree(ranked: Ranked, expected: list[tuple[float, int, int, int, list[int]]], top: int) -> None:
    np.testing.assert_allclose(ranked.ap, [e[0] for e in expected], rtol=0, atol=1e-12)
    assert ranked.first.tolist() == [e[1] for e in expected]
    assert ranked.relevant.tolist() == [e[2] for e in expected]
    assert ranked.ranked.tolist() == [e[3] for e in expected]
    assert ranked.top.tolist() == [(e[4] + [-1] * top)[:top] for e in expected]


@st.composite
def cases(draw):
    """Small integers as vectors: float32 products are exact, and ties are many."""
    n, q, d = draw(st.integers(1, 40)), draw(st.integers(1, 7)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries = rng.integers(-2, 3, (q, d)).astype(np.float32)
    gallery = rng.integers(-2, 3, (n, d)).astype(np.float32)
    cells = rng.random((5, 4)) < 0.4 if draw(st.booleans()) else None
    codes = rng.integers(0, 5, q), rng.integers(0, 5, n)
    groups = (rng.integers(0, 6, q), rng.integers(0, 6, n)) if draw(st.booleans()) else (None, None)
    return queries, gallery, Relevance(*codes, cells, *groups)


def truth(relevance: Relevance):
    cells = np.eye(5, dtype=bool) if relevance.cells is None else relevance.cells
    relevant = [[bool((cells[a] & cells[b]).any()) for b in relevance.gallery] for a in relevance.queries]
    if relevance.query_groups is None:
        return relevant, np.zeros((len(relevance.queries), len(relevance.gallery)), bool)
    return relevant, relevance.query_groups[:, None] == relevance.gallery_groups[None, :]


@settings(deadline=None, max_examples=80)
@given(cases(), st.sampled_from([1, 3, 10]), st.sampled_from([2**10, 2**28]))
def test_the_fast_ranking_is_the_plain_one(case, top: int, memory: int) -> None:
    queries, gallery, relevance = case
    expected = plain(queries, gallery, *truth(relevance))
    agree(rank_all(queries, gallery, relevance, top=top, memory=memory), expected, top)


def test_counting_over_gallery_blocks_gives_the_same() -> None:
    rng = np.random.default_rng(1)
    queries = rng.integers(-3, 4, (9, 3)).astype(np.float32)
    gallery = rng.integers(-3, 4, (3000, 3)).astype(np.float32)
    relevance = Relevance(
        rng.integers(0, 4, 9), rng.integers(0, 3, 3000), None, rng.integers(0, 50, 9), rng.integers(0, 50, 3000)
    )
    whole = rank_all(queries, gallery, relevance)
    for memory in (2**12, 2**16, 2**20):  # several gallery blocks; then also several rounds of counting
        blocks = rank_wide(queries, gallery, relevance, top=10, memory=memory)
        for name in ("first", "relevant", "ranked", "top"):
            np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))
        np.testing.assert_allclose(blocks.ap, whole.ap, rtol=0, atol=1e-12)
    assert whole.relevant.min() == 0 < whole.relevant.max()


@pytest.mark.parametrize("n", [20_000, 200_000, 400_000])
def test_memory_stays_below_the_budget_whatever_the_gallery(n: int) -> None:
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((n, 2), dtype=np.float32)
    relevance = Relevance.of_values([0, 1, 2], rng.integers(0, 3, n).astype(np.int8))
    rank_all(gallery[:3], gallery[:50], Relevance.of_values([0, 1, 2], relevance.gallery[:50]))  # imports, pools
    budget = 8 * 2**20
    tracemalloc.start()
    ranked = rank_all(gallery[:3], gallery, relevance, memory=budget)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    labels = 2 * n  # the narrow copy of the gallery's codes belongs to the inputs
    assert peak - labels < budget
    assert ranked.relevant.sum() > n / 2


def test_the_two_zeros_are_a_tie() -> None:
    gallery = np.array([[-0.0], [0.0], [-0.0]], np.float32)
    ranked = rank_all(np.ones((1, 1), np.float32), gallery, Relevance.of_values([0], [0, 1, 0]), top=3)
    assert ranked.top.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_float_types_are_computed_in_float32(kind) -> None:
    rng = np.random.default_rng(0)
    queries, gallery = rng.standard_normal((4, 8)).astype(kind), rng.standard_normal((50, 8)).astype(kind)
    relevance = Relevance.of_values(rng.integers(0, 3, 4), rng.integers(0, 3, 50))
    single = rank_all(queries.astype(np.float32), gallery.astype(np.float32), relevance)
    np.testing.assert_array_equal(rank_all(queries, gallery, relevance).top, single.top)


def test_several_values_share_when_one_is_common() -> None:
    labels = Labels(np.array([0, 1, 2, 1], np.int32), ((0,), (0, 2), (1,)), ("a", "b", "c"))
    relevance = Relevance.of_labels(labels, [0, 2], [0, 1, 2, 3])
    assert relevance.rows(0, 2, 0, 4).tolist() == [[True, True, False, True], [False, False, True, False]]


def test_wrong_inputs_are_named() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(ShapeError, match=r"Queries \(3, 3\) and gallery \(3, 2\)"):
        rank_all(vectors, vectors[:, :2], Relevance.of_values([0] * 3, [0] * 3))
    with pytest.raises(ShapeError, match="2 queries and 3 gallery items"):
        rank_all(vectors, vectors, Relevance.of_values([0] * 2, [0] * 3))
    broken = vectors.copy()
    broken[1, 0] = np.nan
    with pytest.raises(InputError, match="Query 1 has a score that is not a finite number"):
        rank_all(broken, vectors, Relevance.of_values([0] * 3, [0] * 3))


def test_empty_sides() -> None:
    nothing = np.empty((0, 3), np.float32)
    assert len(rank_all(nothing, np.eye(3, dtype=np.float32), Relevance.of_values([], [0, 0, 0])).ap) == 0
    alone = rank_all(np.eye(3, dtype=np.float32), nothing, Relevance.of_values([0, 0, 0], []))
    assert alone.ap.tolist() == [0, 0, 0] and alone.top.tolist() == [[-1] * 10] * 3
