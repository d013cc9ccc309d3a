"""Search of 100,000 items x 8 attributes x 128 dims: milliseconds a query, and equality with brute force.

    python benchmarks/search.py [--items 100000] [--queries 200] [--json FILE]

Vectors are drawn (2,000 clusters). Every kind of query is checked on 20 queries against a float64 product and a full
stable sort: same items, same order. Beside each stands the time of its bare matrix products in the same run. Exit 1
when an answer differs, or a single-attribute query takes 15 ms or more (median).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

from lapel.index import ExactIndex, Term

ATTRIBUTES, DIM, K, CHECKED, LIMIT_MS = 8, 128, 50, 20, 15.0
Query = tuple[list[Term], np.ndarray | None]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def clustered(draw: np.random.Generator, items: int) -> ExactIndex:
    blocks = {}
    for number in range(ATTRIBUTES):
        centres = unit(draw.standard_normal((2000, DIM), dtype=np.float32))
        chosen = centres[draw.integers(0, 2000, items)]
        blocks[f"attribute {number}"] = unit(chosen + 0.08 * draw.standard_normal((items, DIM), dtype=np.float32))
    return ExactIndex(blocks)


def brute_force(index: ExactIndex, terms: list[Term], allow: np.ndarray | None) -> list[int]:
    scores = np.zeros(len(index))
    for term in terms:
        scores += term.weight * (unit(index.blocks[term.block].astype(float)) @ unit(term.vector.astype(float)))
    scores = np.round(scores, 11)
    order = np.argsort(-scores, kind="stable")
    return order[allow[order]][:K].tolist() if allow is not None else order[:K].tolist()


def queries(
    index: ExactIndex, draw: np.random.Generator, count: int, weights: list[float], share: float
) -> list[Query]:
    names = list(index.blocks)
    made: list[Query] = []
    for _ in range(count):
        chosen = draw.choice(len(names), len(weights), replace=False)
        reference = draw.integers(0, len(index), len(weights))  # each attribute of another reference
        terms = [
            Term(names[a], index.blocks[names[a]][row], weight)
            for a, row, weight in zip(chosen, reference, weights, strict=True)
        ]
        made.append((terms, draw.random(len(index)) < share if share < 1 else None))
    return made


def measure(index: ExactIndex, asked: list[Query]) -> dict[str, object]:
    times, products = [], []
    for terms, allow in asked:  # in turns, so that a busy machine slows both
        start = time.perf_counter()
        index.search(terms, K, allow)
        middle = time.perf_counter()
        for term in terms:
            index.blocks[term.block] @ term.vector
        times.append(1000 * (middle - start))
        products.append(1000 * (time.perf_counter() - middle))
    equal = all(index.search(t, K, allow)[0].tolist() == brute_force(index, t, allow) for t, allow in asked[:CHECKED])
    p50, p95 = np.percentile(times, [50, 95])
    product = float(np.median(products))
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "matrix_product_alone_ms": round(product, 2),
        "ratio": round(float(p50) / product, 2),
        "equals_brute_force": equal,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    draw = np.random.default_rng(0)
    index = clustered(draw, given.items)
    four = [0.4, 0.3, 0.2, 0.1]
    kinds = {
        "one attribute": ([1.0], 1.0),
        "four attributes": (four, 1.0),
        "one attribute, 10 % filter": ([1.0], 0.1),
        "four attributes, 1 % filter": (four, 0.01),
    }
    result: dict[str, object] = {
        "benchmark": "search",
        "items": given.items,
        "attributes": ATTRIBUTES,
        "dim": DIM,
        "k": K,
        "cores": os.cpu_count(),
        "limit_ms": LIMIT_MS,
    }
    index.search(queries(index, draw, 1, four, 1.0)[0][0], K)
    measured = {name: measure(index, queries(index, draw, given.queries, *kind)) for name, kind in kinds.items()}
    passed = all(m["equals_brute_force"] for m in measured.values()) and measured["one attribute"]["p50_ms"] < LIMIT_MS  # type: ignore[operator]
    result |= {
        "kinds": measured,
        "resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "passed": passed,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
