"""Every metric against a plain loop, its doctests, and chance against the published value counts."""

from __future__ import annotations

import doctest
import json
import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import InputError
from lapel.evaluation import metrics

GAINS = st.lists(st.integers(0, 3), min_size=1, max_size=15)


def test_the_examples_in_the_docstrings() -> None:
    result = doctest.testmod(metrics)
    assert result.attempted >= 10 and result.failed == 0


@given(GAINS, st.integers(1, 20))
def test_plain_loops(gains: list[int], k: int) -> None:
    relevant = [g > 0 for g in gains]
    total, cut = sum(relevant), relevant[:k]
    precisions = [sum(relevant[: i + 1]) / (i + 1) for i in range(len(gains))]
    ap = sum(p for p, r in zip(precisions, relevant, strict=True) if r) / total if total else 0.0
    ap_k = sum(p for p, r in zip(precisions[:k], cut, strict=True) if r) / total if total else 0.0
    ideal = sorted(gains, reverse=True)

    def linear(values: list[int]) -> float:
        return sum(g if i == 0 else g / math.log2(i + 1) for i, g in enumerate(values[:k]))

    dcg = 0.01757 * sum((2**g - 1) / math.log2(i + 2) for i, g in enumerate(gains[:k]))
    assert metrics.average_precision(relevant) == pytest.approx(ap, abs=1e-12)
    assert metrics.average_precision_at(gains, k) == pytest.approx(ap_k, abs=1e-12)
    assert metrics.precision_at(gains, k) == pytest.approx(sum(cut) / len(cut), abs=1e-12)
    assert metrics.reciprocal_rank(gains) == pytest.approx(1 / (relevant.index(True) + 1) if total else 0.0)
    assert metrics.ndcg_at(gains, k) == pytest.approx(linear(gains) / linear(ideal) if total else 0.0, abs=1e-12)
    assert metrics.dcg_at(gains, k) == pytest.approx(dcg, abs=1e-12)
    assert metrics.recall_at(gains, k) == float(any(cut))


def test_many_lists_at_once_are_the_lists_one_by_one() -> None:
    gains = np.random.default_rng(0).integers(0, 3, (4, 5, 12))
    for scorer in (metrics.ndcg_at, metrics.dcg_at, metrics.precision_at, metrics.average_precision_at):
        one_by_one = [[float(scorer(line, 4)) for line in block] for block in gains]
        np.testing.assert_array_equal(scorer(gains, 4), one_by_one)
    np.testing.assert_array_equal(
        metrics.average_precision(gains > 0),
        [[float(metrics.average_precision(line > 0)) for line in b] for b in gains],
    )


def test_equal_scores_keep_gallery_order() -> None:
    assert metrics.rank([[0.5, 0.7, 0.5, 0.7]]).tolist() == [[1, 3, 0, 2]]


def test_an_empty_list_scores_nothing() -> None:
    empty = np.empty((2, 0))
    assert metrics.average_precision(empty).tolist() == [0, 0]
    assert metrics.reciprocal_rank(empty).tolist() == [0, 0]
    assert metrics.precision_at(empty, 3).tolist() == [0, 0]


def test_a_cut_off_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="k is 0; a cut-off is at least 1"):
        metrics.precision_at([1, 0], 0)


@pytest.mark.parametrize("relevant, total", [(0, 4), (1, 1), (1, 6), (3, 6), (6, 6)])
def test_chance_is_the_mean_over_all_orders(relevant: int, total: int) -> None:
    orders = set(permutations([True] * relevant + [False] * (total - relevant)))
    expected = np.mean([metrics.average_precision(np.array(order)) for order in orders])
    assert metrics.chance_ap(relevant, total) == pytest.approx(expected, abs=1e-12)


def test_chance_of_nothing_ranked_is_nothing() -> None:
    assert metrics.chance_ap([0, 0], [0, 3]).tolist() == [0, 0]


@pytest.mark.parametrize("data, overall", [("fashionai", 15.79), ("darn", 31.26), ("deepfashion", 3.38)])
def test_chance_of_the_published_splits(shared: Path, data: str, overall: float) -> None:
    counts = json.loads((shared / "datasets" / "test_value_counts.json").read_text())[data]
    sums, queries = 0.0, 0
    for name, attribute in counts["attributes"].items():
        asked, ranked = np.array(attribute["queries"]), np.array(attribute["gallery"])
        chance = 100 * metrics.chance_ap(ranked, ranked.sum())
        assert (chance * asked).sum() / asked.sum() == pytest.approx(attribute["chance_map"], abs=5e-5), name
        sums, queries = sums + (chance * asked).sum(), queries + asked.sum()
    assert sums / queries == pytest.approx(counts["chance_map_overall"], abs=5e-5)
    assert round(sums / queries, 2) == overall


def test_the_interval_covers_the_mean_and_follows_the_seed() -> None:
    scores = np.random.default_rng(3).random(400)
    low, high = metrics.bootstrap(scores, seed=1)
    assert low < scores.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * scores.std() / math.sqrt(400), rel=0.15)
    assert (low, high) == metrics.bootstrap(scores, seed=1) != metrics.bootstrap(scores, seed=2)
    assert all(math.isnan(x) for x in metrics.bootstrap([]))


def test_groups_are_resampled_whole() -> None:
    scores = np.random.default_rng(4).random(100)
    narrow = metrics.bootstrap(np.repeat(scores, 5))
    wide = metrics.bootstrap(scores * 5, counts=np.full(100, 5))
    assert wide[1] - wide[0] == pytest.approx(math.sqrt(5) * (narrow[1] - narrow[0]), rel=0.2)
