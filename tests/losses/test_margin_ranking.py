"""The published triplet loss against loops, torch's own version and values that one can work out on paper."""

from __future__ import annotations

import pytest
import torch

from lapel.errors import ShapeError
from lapel.losses.margin_ranking import margin_ranking, triplet_accuracy


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [0.0, 0.2, 1.5])
def test_it_is_the_loop_and_torchs_own(dtype: torch.dtype, margin: float) -> None:
    source = torch.Generator().manual_seed(3)
    near, far = (torch.rand(50, generator=source, dtype=dtype) * 2 - 1 for _ in range(2))
    looped = sum(max(0.0, float(f) - float(n) + margin) for n, f in zip(near, far, strict=True)) / 50
    found = margin_ranking(near, far, margin)
    assert float(found) == pytest.approx(looped, rel=1e-5)
    torch.testing.assert_close(found, torch.nn.MarginRankingLoss(margin)(far, near, -torch.ones_like(near)))


def test_satisfied_triplets_count_as_zeros_in_the_mean() -> None:
    near, far = torch.tensor([0.9, 0.0]), torch.tensor([0.1, 0.3])
    assert float(margin_ranking(near, far, 0.2)) == pytest.approx(0.25)


def test_a_tie_is_wrong() -> None:
    assert float(triplet_accuracy(torch.tensor([0.5, 0.6, 0.2, 0.2]), torch.tensor([0.5, 0.5, 0.1, 0.3]))) == 0.5


def test_unlike_shapes_are_refused_rather_than_broadcast() -> None:
    with pytest.raises(ShapeError, match=r"sim_positive is \(4,\), sim_negative \(1,\); they must match"):
        margin_ranking(torch.zeros(4), torch.zeros(1))
