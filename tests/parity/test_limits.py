"""Other cases that must pass, and tampered sizes that must fail before they fill the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lapel.errors import InputError
from lapel.parity import fill
from lapel.parity.comparing import difference, tolerance
from lapel.parity.running import run_case
from parity_cases import write_case


@pytest.mark.parametrize("right", range(1, 24))
def test_a_share_of_any_number_of_triplets_agrees_in_double_precision(right: int, tmp_path: Path) -> None:
    count = 23
    near, far = [0.5] * count, [0.25] * right + [0.75] * (count - right)
    facts = {"runner": "margin", "margin": 0.2, "sim_positive": near, "sim_negative": far}
    loss = np.float32((count - right) * 0.45 / count)
    write_case(tmp_path, "m", facts, {"loss": loss, "accuracy": np.float64(right / count)})
    result = run_case(tmp_path, "m")
    assert result.status == "pass", result.reason


def ranked(queries: torch.Tensor, candidates: torch.Tensor) -> list[list[int]]:
    """Candidates best first, by a plain sort of dot products."""
    rows = []
    for query in queries.double().tolist():
        score = [sum(q * c for q, c in zip(query, row, strict=True)) for row in candidates.double().tolist()]
        rows.append(sorted(range(len(score)), key=lambda i: -score[i]))
    return rows


def looped_ap(hits: list[bool]) -> float:
    found, total = 0, 0.0
    for rank, hit in enumerate(hits, start=1):
        if hit:
            found += 1
            total += found / rank
    return total / found if found else 0.0


def ranking_case(folder: Path, seed: int) -> None:
    """Three attributes of unlike sizes; queries of any length, one without anything relevant."""
    attributes: list[dict[str, Any]] = []
    expected: dict[str, Any] = {}
    every: list[list[float]] = []
    for index, (queries, candidates) in enumerate([(4, 30), (1, 7), (9, 15)]):
        made = [
            {"kind": "randn", "seed": seed + 10 * index + side, "shape": [count, 8], "dtype": "float32"}
            for side, count in enumerate((queries, candidates))
        ]
        labels = [i % 3 if i else 9 for i in range(queries)]
        held = [(i * i) % 3 for i in range(candidates)]
        order = ranked(fill.tensor(made[0]), fill.tensor(made[1]))
        every.append([looped_ap([held[c] == label for c in row]) for label, row in zip(labels, order, strict=True)])
        expected |= {f"order:{index}": np.array(order), f"ap:{index}": np.array(every[-1])}
        attributes.append({"queries": made[0], "candidates": made[1], "query_labels": labels, "candidate_labels": held})
    means = [sum(ap) / len(ap) for ap in every]
    flat = [ap for row in every for ap in row]
    expected |= {"map": np.array(means), "mean_ap": sum(flat) / len(flat), "unweighted_mean": sum(means) / 3}
    gains = [0, 2, 1, 0, 3]
    dcg = 0.01757 * sum((2**g - 1) / np.log2(i + 1) for i, g in enumerate(gains[:3], start=1))
    best = sorted(gains, reverse=True)
    ndcg = (gains[0] + gains[1] / 1.0) / (best[0] + best[1] / 1.0)
    scores = [looped_ap([g > 0 for g in gains]), (1 / 2 + 2 / 3) / 3, 1 / 2, 2 / 4, ndcg, dcg]
    facts = {"runner": "ranking", "attributes": attributes, "graded": [gains]}
    facts |= {"scorers": ["AP", "AP@3", "RR", "P@4", "NDCG@2", "DCG@3"]}
    write_case(folder, "ranking_other", facts, expected | {"scorers": np.array([scores])})


@pytest.mark.parametrize("seed", [300, 777])
def test_another_ranking_passes(seed: int, tmp_path: Path) -> None:
    ranking_case(tmp_path, seed)
    result = run_case(tmp_path, "ranking_other")
    assert result.status == "pass", result.reason


def test_a_case_gains_no_tolerance_by_another_file_name(tmp_path: Path) -> None:
    facts = {"runner": "margin", "margin": 0.2, "sim_positive": [0.5], "sim_negative": [0.5]}
    write_case(tmp_path, "rpf_margin", facts, {"loss": np.float32(0.20005), "accuracy": np.float64(0)})
    assert "(allowed 1e-05)" in run_case(tmp_path, "rpf_margin").reason


@pytest.mark.parametrize(
    ("runner", "key", "kind", "allowed"),
    [
        ("asen_embed", "emb", "float32", 1e-5),
        ("asen_train", "delta_norm", "float64", 1e-8),
        ("ranking", "order:0", "int64", 0),
        ("rpf.trainstep", "after:x", "float32", 5e-3),
        ("rpf.trainstep", "grad_norm", "float32", 1e-3),
        ("rpf.map", "ap", "float64", 1e-4),
        ("fern.train", "grad_norm:x", "float32", 1e-3),
        ("fern.train", "after:x", "float32", 1e-4),
    ],
)
def test_tolerances_are_those_of_the_golden_folder(runner: str, key: str, kind: str, allowed: float) -> None:
    assert tolerance(runner, key, np.dtype(kind)) == allowed


def test_a_difference_is_relative_to_the_greatest_number_but_never_to_less_than_one() -> None:
    found = difference("asen_embed", "x", np.array([100.0, 1.0]), np.array([100.5, 1.0], np.float32))
    assert (found.absolute, found.relative) == (0.5, pytest.approx(0.5 / 100.5)) and found.problem
    small = difference("asen_embed", "x", np.array([1e-4 + 9e-6]), np.array([1e-4], np.float32))
    assert small.relative == pytest.approx(9e-6, rel=1e-3) and not small.problem
    assert difference("ranking", "order:0", np.array([3, 1]), np.array([3, 2])).problem


def test_sizes_that_would_fill_the_memory_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which no tensor can have here"):
        fill.tensor({"kind": "randn", "shape": [1, 3, 4096, 4096], "seed": 0})
    with pytest.raises(InputError, match="weights have more than 268435456 numbers"):
        fill.state([[f"a{n}.running_var", [2**26]] for n in range(5)], {})
    variant = {"name": "fixed", "n_attributes": 10**9, "embedding_size": 10**9, "learnedmask": False, "prein": False}
    facts = {"runner": "csn_masks", "variants": [variant | {"requires_grad": False}]}
    write_case(tmp_path, "huge", facts, {"fixed": np.zeros((2, 2), np.float32)})
    assert "1000000000 attributes make no network" in run_case(tmp_path, "huge").reason
    facts = {"runner": "asen_embed", "constructor": {"n_attributes": 10**9}, "reference": {"class": "ASENet"}}
    write_case(tmp_path, "wide", facts | {"state": [], "inputs": {}}, {"emb": np.zeros(1, np.float32)})
    assert "1000000000 attributes make no network" in run_case(tmp_path, "wide").reason
