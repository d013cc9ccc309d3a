"""Evaluation speed, as ratios within one run.

    python benchmarks/evaluation.py                    FashionAI's size against the matrix product alone (seconds)
    python benchmarks/evaluation.py --million          also 1,000,000 gallery items x 10,000 queries (minutes)
    python benchmarks/evaluation.py --million --share 0.1   a tenth of those queries, and the JSON says so

Prints one JSON object. The counts are FashionAI's test split (3,600 queries, 14,400 gallery items, 8 attributes);
vectors and values are drawn. `resident_mb` is the peak of the whole process, memory-mapped pages included.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lapel.bench.machine import peak_bytes
from lapel.evaluation.metrics import average_precision, rank
from lapel.evaluation.ranking import rank_all
from lapel.evaluation.relevance import Relevance

QUERIES = (422, 623, 535, 422, 341, 289, 703, 265)
GALLERY = (1703, 2383, 2088, 1722, 1401, 1269, 2734, 1100)
VALUES = (6, 9, 8, 6, 5, 5, 10, 5)


def unit(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    vectors = rng.standard_normal((rows, dim), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def best(action: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def fashionai(repeats: int, dim: int = 1024) -> dict[str, float]:
    rng = np.random.default_rng(0)
    tasks = []
    for queries, gallery, values in zip(QUERIES, GALLERY, VALUES, strict=True):
        relevance = Relevance.of_values(rng.integers(0, values, queries), rng.integers(0, values, gallery))
        tasks.append((unit(rng, queries, dim), unit(rng, gallery, dim), relevance))

    def argsort() -> list[np.ndarray]:
        return [
            average_precision(r.rows(0, len(q), 0, len(g))[np.arange(len(q))[:, None], rank(q @ g.T)])
            for q, g, r in tasks
        ]

    worst = max(np.abs(a - rank_all(*t).ap).max() for a, t in zip(argsort(), tasks, strict=True))
    assert worst < 1e-12, f"the fast AP differs by {worst}"
    product = best(lambda: [q @ g.T for q, g, _ in tasks], repeats)
    ours = best(lambda: [rank_all(*task) for task in tasks], repeats)
    sort = best(argsort, 2)
    return {
        "product_s": product, "evaluation_s": ours, "argsort_s": sort,
        "evaluation_over_product": ours / product, "argsort_over_product": sort / product, "target": 4.0,
        "largest_difference_to_argsort": float(worst),
    }  # fmt: skip


def million(share: float, gallery: int = 1_000_000, queries: int = 10_000, dim: int = 128) -> dict[str, float]:
    rng = np.random.default_rng(0)
    asked = int(queries * share)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gallery.npy"
        stored = np.lib.format.open_memmap(path, "w+", np.float32, (gallery, dim))
        for start in range(0, gallery, 100_000):
            stored[start : start + 100_000] = unit(rng, 100_000, dim)
        stored.flush()
        del stored
        relevance = Relevance.of_values(rng.integers(0, 20, asked), rng.integers(0, 20, gallery))
        vectors = unit(rng, asked, dim)
        start = time.perf_counter()
        ranked = rank_all(vectors, np.load(path, mmap_mode="r"), relevance)
        seconds = time.perf_counter() - start
    peak = peak_bytes() / 2**20
    return {
        "gallery": gallery, "queries_run": asked, "queries_asked": queries, "dim": dim,
        "seconds": seconds, "resident_mb": peak, "target_mb": 2000, "map": float(ranked.ap.mean()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--share", type=float, default=1.0, help="share of the 10,000 queries to run")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    if given.million:  # first, so that the peak is its own
        result["million"] = million(given.share)
    result["fashionai"] = fashionai(given.repeats)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
