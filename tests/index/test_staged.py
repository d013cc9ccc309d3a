"""Three and more attributes at once: the heavier half is scanned first, and the answer stays that of brute force."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.index import ExactIndex, Term
from lapel.index import exact as exact_module

NAMES = "abcde"


def blocks(count: int, clusters: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    made = {}
    for name in NAMES:
        centres = rng.standard_normal((clusters, 16))
        rows = centres[rng.integers(0, clusters, count)] + 0.3 * rng.standard_normal((count, 16))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[rng.random(count) < 0.05] = 0  # items without this attribute
        made[name] = rows.astype(np.float32)
    return made


def by_loop(data: dict[str, np.ndarray], terms: list[Term], k: int, rows: np.ndarray) -> list[int]:
    scored = []
    for row in rows.tolist():
        total = 0.0
        for term in terms:
            x, q = data[term.block][row].astype(np.float64), term.vector.astype(np.float64)
            length = np.linalg.norm(x)
            total += term.weight * (float(x @ q) / length / np.linalg.norm(q) if length else 0.0)
        scored.append((-round(total, 12), row))
    return [row for _, row in sorted(scored)[:k]]


@pytest.mark.parametrize("clusters", [2, 40, 900], ids=["alike", "clustered", "scattered"])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("unlike", [False, True])
def test_the_answer_is_that_of_brute_force(clusters: int, share: float, unlike: bool) -> None:
    rng = np.random.default_rng(clusters)
    data = blocks(900, clusters, rng)
    index = ExactIndex(data, coded_from=1)
    assert index.coded
    for k in (1, 10, 899):
        for count in (3, 4, 5):
            reference = rng.integers(0, 900, count)
            terms = [
                Term(name, data[name][row], float(weight) * (-1 if unlike and name == "b" else 1))
                for name, row, weight in zip(NAMES, reference, (0.4, 0.3, 0.2, 0.1, 0.05), strict=False)
                if data[name][row].any()
            ]
            allow = rng.random(900) < share
            rows = np.flatnonzero(allow)
            found, _ = index.search(terms, k, None if share == 1.0 else allow)
            wanted = by_loop(data, terms, k, np.arange(900) if share == 1.0 else rows)
            assert found.tolist() == wanted


def test_copies_keep_insertion_order_and_both_ways_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = {name: np.repeat(block[:60], 15, axis=0) for name, block in blocks(60, 60, rng).items()}
    terms = [Term(name, data[name][150], 0.25) for name in NAMES if data[name][150].any()]
    wanted = by_loop(data, terms, 40, np.arange(900))
    for below in (1, 10**9):  # the few left are looked at alone; or the other half is scanned whole
        monkeypatch.setattr(exact_module, "SURVIVORS_BELOW", below)
        assert ExactIndex(data, coded_from=1).search(terms, 40)[0].tolist() == wanted
