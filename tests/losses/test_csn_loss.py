"""Veit et al.'s loss against sums written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lapel.losses.csn import csn_loss


def test_it_is_the_sums_of_the_paper() -> None:
    source = torch.Generator().manual_seed(0)
    anchor, far, close = (torch.randn(4, 6, generator=source, dtype=torch.float64) for _ in range(3))
    mask = torch.rand(4, 6, generator=source, dtype=torch.float64)
    found = csn_loss((anchor, far, close), mask, margin=0.3, embed_weight=0.01, mask_weight=0.02)

    def distance(other: torch.Tensor, i: int) -> float:
        return math.sqrt(sum(float((anchor[i, d] - other[i, d]) * mask[i, d] + 1e-6) ** 2 for d in range(6)))

    hinge = sum(max(0.0, 0.3 - distance(far, i) + distance(close, i)) for i in range(4)) / 4
    norms = [math.sqrt(sum(float(x) ** 2 for x in role.flatten())) for role in (anchor, far, close)]
    whole = hinge + 0.01 * sum(norms) / 3 / 2 + 0.02 * float(mask.sum()) / 4
    assert float(found.triplet) == pytest.approx(hinge, rel=1e-12)
    assert float(found.loss) == pytest.approx(whole, rel=1e-12)
    assert [float(x) for x in found.distance_far] == pytest.approx([distance(far, i) for i in range(4)])


def test_dimensions_outside_the_mask_do_not_count_in_the_distance() -> None:
    mask = torch.tensor([[1.0, 0.0]])
    roles = torch.tensor([[0.0, 5.0]]), torch.tensor([[3.0, -9.0]]), torch.tensor([[1.0, 7.0]])
    found = csn_loss(roles, mask)
    assert float(found.distance_far) == pytest.approx(3, abs=1e-4) and float(found.triplet) == 0
