"""The published scorers' numbers, from the golden cases beside the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lapel.evaluation import metrics

SCORERS = {
    "AP": metrics.average_precision,
    "AP@5": lambda gains: metrics.average_precision_at(gains, 5),
    "RR": metrics.reciprocal_rank,
    "P@5": lambda gains: metrics.precision_at(gains, 5),
    "NDCG@10": lambda gains: metrics.ndcg_at(gains, 10),
    "DCG@10": lambda gains: metrics.dcg_at(gains, 10),
}


@pytest.fixture(scope="module")
def golden(shared: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    folder = shared / "golden"
    with np.load(folder / "ranking.npz") as arrays:
        return json.loads((folder / "ranking.json").read_text()), dict(arrays)


def randn(spec: dict[str, Any]) -> np.ndarray:
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(spec["seed"])
    return torch.randn(tuple(spec["shape"]), generator=generator, dtype=torch.float32).numpy()


def test_orders_and_average_precisions_are_the_published_ones(golden) -> None:
    case, expected = golden
    scores, means = [], []
    for i, attribute in enumerate(case["attributes"]):
        order = metrics.rank(randn(attribute["queries"]) @ randn(attribute["candidates"]).T)
        np.testing.assert_array_equal(order, expected[f"order:{i}"])
        relevant = np.array(attribute["candidate_labels"])[order] == np.array(attribute["query_labels"])[:, None]
        ap = metrics.average_precision(relevant)
        np.testing.assert_allclose(ap, expected[f"ap:{i}"], rtol=0, atol=1e-15)
        scores.append(ap)
        means.append(ap.mean())
    np.testing.assert_allclose(means, expected["map"], rtol=0, atol=1e-15)
    np.testing.assert_allclose(np.concatenate(scores).mean(), expected["mean_ap"], rtol=0, atol=1e-15)
    np.testing.assert_allclose(np.mean(means), expected["unweighted_mean"], rtol=0, atol=1e-15)


def test_every_scorer_on_every_graded_list(golden) -> None:
    case, expected = golden
    for row, gains in enumerate(case["graded"]):
        for column, name in enumerate(case["scorers"]):
            given = np.array(gains) > 0 if name == "AP" else np.array(gains)
            np.testing.assert_allclose(SCORERS[name](given), expected["scorers"][row, column], rtol=0, atol=1e-15)
