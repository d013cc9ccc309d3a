"""What an export is judged by, on numbers that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lapel.export.certificate import Certificate, greatest_differences, rank_overlap
from lapel.schema import Outputs

GOOD = Certificate(
    fingerprint="f",
    sha256="s",
    precision="fp32",
    bytes=1,
    sample=128,
    noise=False,
    neighbours=10,
    differences={"embeddings": 1e-4},
    rank_overlap={"color": 1.0, "sleeve": 0.99},
    values_fitted=True,
    opset=17,
    versions={},
)


def circle(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_rank_overlap_counts_the_neighbours_that_stay() -> None:
    line = circle(0, 10, 21, 33, 46)
    assert rank_overlap(line, line, 2) == 1.0
    assert rank_overlap(line, -line, 2) == 1.0  # turned as a whole: nobody's neighbours change
    # The last moves beside the first. Nearest one of each: before 1 0 1 2 3, after 4 0 1 2 0.
    assert rank_overlap(line, circle(0, 10, 21, 33, -5), 1) == pytest.approx(3 / 5)


def test_the_greatest_difference_of_each_output() -> None:
    one = Outputs(np.zeros((1, 1, 2)), np.zeros((1, 1, 1, 1)), np.zeros((1, 3)), np.zeros((1, 2)))
    other = replace(one, values=np.array([[0.1, -0.4, 0]]), look=np.array([[0.2, 0.0]]))
    assert greatest_differences(one, other) == {"embeddings": 0, "regions": 0, "values": 0.4, "look": 0.2}


def test_what_passes() -> None:
    assert GOOD.passes
    assert not replace(GOOD, differences={"embeddings": 2e-3}).passes
    assert not replace(GOOD, differences={"embeddings": float("nan")}).passes
    assert not replace(GOOD, rank_overlap={"color": 1.0, "sleeve": 0.9}).passes
    assert replace(GOOD, rank_overlap={"color": 0.5}, noise=True).passes
    assert not replace(GOOD, differences={"embeddings": 2e-3}, noise=True).passes
