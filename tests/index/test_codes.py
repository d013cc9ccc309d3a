"""Codes may choose, never decide: through them the answer is that of brute force, and their error bound holds."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.index import ExactIndex, Index, Term, codes
from lapel.index.codes import ByteCodes, NibbleCodes, scan
from lapel.index.selecting import candidates
from lapel.runtime.integers import exact_products
from lapel.runtime.onnx_graph import Node, Value, model_bytes


def unit(x: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    return (x / np.where(norms > 0, norms, 1)).astype(np.float32)


def rows_of(draw: np.random.Generator, kind: str, n: int, dim: int) -> np.ndarray:
    if kind == "alike":  # steps far below what 8 bits can tell apart
        return unit(draw.normal(size=dim) + 1e-4 * draw.normal(size=(n, dim)))
    if kind == "spiky":  # one number is everything: the worst case of a common scale
        return unit(draw.normal(size=(n, dim)) * 0.02 + np.eye(dim)[draw.integers(0, dim, n)])
    if kind == "tied":
        return unit(draw.integers(-1, 2, (n, dim)).astype(float))
    return unit(draw.normal(size=(n, dim)))


KINDS = st.sampled_from(["alike", "spiky", "tied", "plain"])


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(2, 40), KINDS, st.floats(1e-3, 10))
@settings(max_examples=60, deadline=None)
def test_the_error_bound_of_bytes_holds(seed: int, n: int, dim: int, kind: str, length: float) -> None:
    draw = np.random.default_rng(seed)
    rows, query = rows_of(draw, kind, n, dim), (length * unit(draw.normal(size=dim))).astype(np.float32)
    found, bound = scan([(ByteCodes.of(rows), query)], n)
    true = rows.astype(float) @ query.astype(float)
    assert np.abs(found - true).max() <= bound + 1e-5 * length


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), KINDS, st.integers(1, 20), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_an_answer_through_codes_is_the_answer(seed: int, n: int, kind: str, k: int, share: float) -> None:
    draw = np.random.default_rng(seed)
    blocks = {"a": rows_of(draw, kind, n, 16), "b": rows_of(draw, kind, n, 24)}
    terms = [
        Term("a", blocks["a"][draw.integers(n)], 0.6),
        Term("b", unit(draw.normal(size=24)), 0.4),
        Term("b", blocks["b"][draw.integers(n)], -0.3),
    ]
    allow = draw.random(n) < share if share < 0.9 else None
    plain, coded = ExactIndex(blocks), ExactIndex(blocks, coded_from=1)
    assert coded.coded and not plain.coded
    for found, true in zip(coded.search(terms, k, allow), plain.search(terms, k, allow), strict=True):
        assert found.tolist() == true.tolist()


def test_chunks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "ROWS_A_CHUNK", 64)
    draw = np.random.default_rng(0)
    rows = rows_of(draw, "plain", 3 * 64 + 7, 16)
    for made in (ByteCodes.of(rows), NibbleCodes.of(rows)):
        found, _ = scan([(made, rows[70])], len(rows))
        assert int(found.argmax()) == 70
        np.testing.assert_allclose(found, rows @ rows[70], atol=0.3)


def test_bytes_beat_nibbles_and_both_stay_near() -> None:
    draw = np.random.default_rng(1)
    rows = rows_of(draw, "plain", 500, 128)
    query, true = rows[3], rows @ rows[3]
    byte, nibble = (np.abs(scan([(kind.of(rows), query)], 500)[0] - true).max() for kind in (ByteCodes, NibbleCodes))
    assert byte < 0.006 < nibble < 0.06


def test_this_machine_multiplies_exactly_or_codes_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(exact_products(), bool)
    monkeypatch.setattr("lapel.index.exact.exact_products", lambda: False)
    assert not ExactIndex({"a": np.eye(3, dtype=np.float32)}, coded_from=1).coded


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=900), st.integers(1, 12), st.floats(0, 0.1))
@settings(max_examples=80, deadline=None)
def test_candidates_are_all_that_reach_the_kth_less_the_window(numbers: list[float], k: int, window: float) -> None:
    scores = np.array(numbers, np.float32)
    floor = np.sort(scores)[::-1][min(k, len(scores)) - 1] - np.float32(window)
    assert candidates(scores, k, window).tolist() == np.flatnonzero(scores >= floor).tolist() or k >= len(scores)


def test_beyond_its_limit_an_answer_says_its_recall() -> None:
    draw = np.random.default_rng(2)
    centres = unit(draw.normal(size=(60, 32)))
    blocks = {
        name: unit(centres[draw.integers(0, 60, 6000)] + 0.1 * draw.normal(size=(6000, 32))) for name in ("a", "b", "c")
    }
    index = Index(blocks, coded_from=1, exact_bytes=2 * 6000 * 32)
    one = index.find([Term("a", blocks["a"][5], 1.0)], 10)
    assert (one.exact, one.recall, one.rows[0]) == (True, None, 5)
    three = [Term(name, blocks[name][5], 1 / 3) for name in blocks]
    found = index.find(three, 10)
    assert not found.exact and found.recall is not None and 0.95 <= found.recall <= 1
    assert found.rows.tolist() == index.search(three, 10)[0].tolist()
    few = index.find(three, 10, np.arange(6000) < 100)  # few rows are compared one by one
    assert few.exact and few.rows.max() < 100
    some = index.find(three, 10, np.arange(6000) % 2 == 0)
    assert not some.exact and (some.rows % 2 == 0).all()
    assert some.scores.tolist() == index.scores(three, some.rows).tolist()


def test_a_graph_written_by_hand_computes() -> None:
    content = model_bytes(
        [Node("MatMul", ["x", "w"], "y")],
        [Value("x", "float32", (1, 300))],
        Value("y", "float32", (1, 2)),
        {"w": np.arange(600, dtype=np.float32).reshape(300, 2)},
    )
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    ones = np.ones((1, 300), np.float32)
    np.testing.assert_allclose(session.run(None, {"x": ones})[0], [[89700, 90000]])
