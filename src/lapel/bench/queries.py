"""Time queries through `Catalogue.search`, hits filled with their metadata, and hold some against brute force."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.catalogue import Catalogue
from lapel.index import ExactIndex
from lapel.progress import Progress, Quiet
from lapel.schema import Part, Query

K = 50
FOUR = (0.4, 0.3, 0.2, 0.1)
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Kind:
    """One kind of query. weights: of its attributes, each asked of another item. share: what its filter leaves."""

    name: str
    weights: tuple[float, ...]
    share: float = 1.0


KINDS = (
    Kind("one attribute", (1.0,)),
    Kind("four weighted", FOUR),
    Kind("one attribute, 10 % filter", (1.0,), 0.1),
    Kind("four weighted, 10 % filter", FOUR, 0.1),
    Kind("one attribute, 1 % filter", (1.0,), 0.01),
    Kind("four weighted, 1 % filter", FOUR, 0.01),
)


def measure(
    catalogue: Catalogue,
    repetitions: int,
    checked: int = 0,
    filter_column: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, dict[str, object]]:
    """Kind -> milliseconds (p50, p95), exactness, recall, items considered; JSON-ready.

    Args:
        repetitions: timed queries a kind, each another one; kinds take turns, so that other work hits all alike.
        checked: of these, how many are compared with a float64 product over all items.
        filter_column: a column of numbers that lie evenly between 0 and 100; empty leaves the kinds with a filter out.
    """
    draw, watch = np.random.default_rng(seed), progress or Quiet()
    kinds = [kind for kind in KINDS if len(kind.weights) <= len(catalogue.attributes)]
    kinds = [kind for kind in kinds if kind.share == 1 or filter_column]
    index = catalogue.searcher.collection.index
    index.prepare(catalogue.attributes)
    for kind in kinds:
        catalogue.query(_query(catalogue, kind, filter_column, draw))
    times: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    facts: dict[str, dict[str, list[float]]] = {
        kind.name: {"considered": [], "exact": [], "found": []} for kind in kinds
    }
    for turn in range(repetitions):
        for kind in kinds:
            query = _query(catalogue, kind, filter_column, draw)
            start = time.perf_counter()
            answer = catalogue.query(query)
            times[kind.name].append(1000 * (time.perf_counter() - start))
            facts[kind.name]["considered"].append(answer.considered)
            facts[kind.name]["exact"].append(answer.exact)
            if turn < checked:
                facts[kind.name]["found"].append(_found(catalogue, query, [hit.item for hit in answer.hits]))
            watch.advance()
    return {kind.name: _row(times[kind.name], facts[kind.name]) for kind in kinds}


def _row(times: list[float], facts: Mapping[str, list[float]]) -> dict[str, object]:
    p50, p95 = np.percentile(times, [50, 95])
    found = facts["found"]
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "repetitions": len(times),
        "considered": round(float(np.mean(facts["considered"]))),
        "exact": bool(all(facts["exact"])),
        "recall": round(float(np.mean(found)), 4) if found else None,
        "checked": len(found),
    }


def _query(catalogue: Catalogue, kind: Kind, column: str, draw: np.random.Generator) -> Query:
    ids = catalogue.searcher.collection.ids
    names = draw.choice(catalogue.attributes, len(kind.weights), replace=False)
    parts = tuple(
        Part(f"item:{ids[draw.integers(len(ids))]}", {str(name): weight})
        for name, weight in zip(names, kind.weights, strict=True)
    )
    low = float(draw.uniform(0, 100 * (1 - kind.share)))
    where = f'"{column}" >= {low:.6f} and "{column}" < {low + 100 * kind.share:.6f}' if kind.share < 1 else ""
    return Query(parts, where, K)


def _found(catalogue: Catalogue, query: Query, hits: list[str]) -> float:
    """Share of the true hits, by float64 products over every item, that were found."""
    collection = catalogue.searcher.collection
    truth = brute_force(collection.index, query, collection.row, collection.allowed(query.where))
    true = {collection.ids[row] for row in truth}
    return len(true & set(hits)) / max(1, len(true))


def brute_force(
    index: ExactIndex, query: Query, row: Callable[[str], int], allow: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """The rows of the k best by a plain float64 product and a full sort; parts name items."""
    scores = np.zeros(len(index))
    for part in query.parts:
        for name, weight in part.weights.items():
            block = index.blocks[name]
            vector = _unit(block[row(str(part.reference)[len("item:") :])].astype(float)[None])[0]
            for start in range(0, len(index), ROWS_AT_ONCE):
                scores[start : start + ROWS_AT_ONCE] += weight * (
                    _unit(block[start : start + ROWS_AT_ONCE].astype(float)) @ vector
                )
    if allow is not None:
        scores[~allow] = -np.inf
    order = np.argsort(-np.round(scores, 11), kind="stable")[: query.k]
    return np.asarray(order[np.isfinite(scores[order])], np.int64)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))
