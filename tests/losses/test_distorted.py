"""The loss of distorted anchors against a plain loop over pairs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from lapel.losses.distorted import distorted_ranking  # noqa: E402
from lapel.losses.margin_ranking import margin_ranking  # noqa: E402


def views(count: int, batch: int = 5, width: int = 7) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    return [
        F.normalize(torch.randn(batch, width, generator=generator, dtype=torch.float64), dim=1) for _ in range(count)
    ]


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_it_is_the_mean_over_every_view_and_every_pull(copies: int) -> None:
    anchor, negative, positive, *warps = views(3 + copies)
    hinges, margin = [], 0.3
    for asked in (anchor, *warps):
        hinges.append(
            sum(max(0.0, float(a @ n - a @ p) + margin) for a, n, p in zip(asked, negative, positive, strict=True)) / 5
        )
    for warp in warps:
        hinges.append(
            sum(max(0.0, float(a @ n - a @ w) + margin) for a, n, w in zip(anchor, negative, warp, strict=True)) / 5
        )
    found = distorted_ranking(anchor, negative, positive, warps, margin)
    assert found.terms.tolist() == pytest.approx(hinges, abs=1e-12)
    assert float(found.loss) == pytest.approx(sum(hinges) / len(hinges), abs=1e-12)
    right = sum(float(a @ p) > float(a @ n) for a, n, p in zip(anchor, negative, positive, strict=True)) / 5
    assert float(found.accuracy) == pytest.approx(right)
    assert found.pairs.shape == (1 + 2 * copies, 2, 5)


def test_without_copies_it_is_the_plain_triplet_loss() -> None:
    anchor, negative, positive = views(3)
    found = distorted_ranking(anchor, negative, positive, ())
    near, far = (anchor * positive).sum(1), (anchor * negative).sum(1)
    assert float(found.loss) == pytest.approx(float(margin_ranking(near, far)), abs=1e-12)


def test_a_copy_pulls_the_anchor_even_where_the_triplet_is_satisfied() -> None:
    anchor, negative = torch.eye(4, dtype=torch.float64)[:2]
    warp = torch.tensor([0.1, 0.0, 0.995, 0.0], dtype=torch.float64)
    anchor, negative, warp = (
        row[None].clone().requires_grad_() for row in (anchor, negative, F.normalize(warp, dim=0))
    )
    found = distorted_ranking(anchor, negative, anchor, [warp])
    terms = found.terms.detach()
    assert float(terms[0]) == 0
    assert float(terms[2]) == pytest.approx(0.1, abs=1e-3)
    found.loss.backward()
    assert warp.grad is not None and float(warp.grad[0, 0]) < 0, "the copy must be pulled towards the anchor"
