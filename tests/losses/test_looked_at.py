"""Attention inside a region equals plain loops, and is learnt from known regions alone."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from lapel.errors import ShapeError  # noqa: E402
from lapel.losses.looked_at import looked_at  # noqa: E402


def maps(seed: int, *shape: int):
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
    return torch.softmax(drawn.flatten(2), dim=2).view(shape)


def test_attention_inside_equals_plain_loops():
    regions, cover = maps(1, 4, 3, 2, 5), torch.rand(4, 3, 2, 5, generator=torch.Generator().manual_seed(2))
    cover[0, 1] = 0
    cover[2, 2] = 0.001
    terms = []
    for b in range(4):
        for k in range(3):
            cells = [(float(regions[b, k, y, x]), float(cover[b, k, y, x])) for y in range(2) for x in range(5)]
            if sum(c for _, c in cells) > 0.02:
                inside, best = sum(a * c for a, c in cells), max(c for _, c in cells)
                terms.append(-math.log((inside + 1e-4) / (best + 1e-4)))
    assert len(terms) == 10
    assert looked_at(regions, cover).item() == pytest.approx(sum(terms) / 10, rel=1e-5)


def test_all_attention_on_the_best_cell_costs_nothing_and_attention_beside_it_much():
    cover = torch.zeros(1, 1, 2, 2)
    cover[0, 0, 1, 0] = 0.7
    on, beside = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    on[0, 0, 1, 0], beside[0, 0, 0, 1] = 1, 1
    assert looked_at(on, cover).item() == pytest.approx(0, abs=1e-6)
    assert looked_at(beside, cover).item() == pytest.approx(math.log(0.7001 / 1e-4), rel=1e-4)


def test_without_a_known_region_the_loss_is_a_zero_with_a_graph():
    regions = maps(3, 2, 2, 3, 3).requires_grad_()
    found = looked_at(regions, torch.zeros(2, 2, 3, 3))
    found.backward()
    assert found.item() == 0 and (regions.grad == 0).all()


def test_regions_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="differ in shape"):
        looked_at(maps(1, 2, 2, 3, 3), torch.zeros(2, 2, 3, 4))
