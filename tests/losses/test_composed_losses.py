"""Losses of composed retrieval, each recomputed with plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from lapel.errors import ShapeError
from lapel.losses.composed import LOSSES, Queued, build_loss, cyclip, masked, symmetric
from lapel.losses.query_target import query_target

SCALE = 7.0


def vectors(seed: int, rows: int = 6) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(rows, 5, generator=source, dtype=torch.float64), dim=1).requires_grad_()


def dot(a: Tensor, b: Tensor) -> float:
    return sum(x * y for x, y in zip(a.detach().tolist(), b.detach().tolist(), strict=True))


def value(loss: Tensor) -> float:
    return float(loss.detach())


def surprise(one: Tensor, others: list[Tensor], own: int) -> float:
    """-log softmax of the own row."""
    return math.log(sum(math.exp(SCALE * dot(one, other)) for other in others)) - SCALE * dot(one, others[own])


def test_symmetric_is_the_mean_of_both_ways() -> None:
    query, target = vectors(1), vectors(2)
    there = [surprise(q, list(target), i) for i, q in enumerate(query)]
    back = [surprise(t, list(query), i) for i, t in enumerate(target)]
    assert value(symmetric(query, target, SCALE)) == pytest.approx((sum(there) + sum(back)) / 12)
    with pytest.raises(ShapeError, match="as many targets as queries, not 6 with 4"):
        symmetric(query[:4], target, SCALE)


def test_masked_leaves_out_the_same_picture_and_nothing_else() -> None:
    query, target = vectors(1, 4), vectors(2).detach().clone()
    target[5] = target[2]
    target[0] = target[3]
    kept = {0: [1, 2, 4, 5, 0], 1: [0, 1, 2, 3, 4, 5], 2: [0, 1, 2, 3, 4], 3: [1, 2, 3, 4, 5]}
    by_hand = [surprise(query[i], [target[j] for j in rows], rows.index(i)) for i, rows in kept.items()]
    assert value(masked(query, target, SCALE)) == pytest.approx(sum(by_hand) / 4)
    assert value(masked(query, target, SCALE)) < value(query_target(query, target, SCALE))
    assert value(masked(query[:2], target, SCALE, 1)) == pytest.approx(
        (surprise(query[0], list(target), 1) + surprise(query[1], [target[j] for j in (0, 1, 2, 3, 4)], 2)) / 2
    )


def test_cyclip_adds_both_consistencies() -> None:
    query, target = vectors(3), vectors(4)
    cross = inner = 0.0
    for j in range(6):
        for k in range(6):
            cross += (dot(query[j], target[k]) - dot(query[k], target[j])) ** 2 / 36
            inner += (dot(query[j], query[k]) - dot(target[j], target[k])) ** 2 / 36
    by_hand = value(symmetric(query, target, SCALE)) + 0.3 * cross + 0.2 * inner
    assert value(cyclip(query, target, SCALE, cross=0.3, inner=0.2)) == pytest.approx(by_hand)


def test_the_queue_holds_the_newest_targets_and_its_own_picture_is_no_negative() -> None:
    loss = Queued(5, 8, SCALE).double()
    steps = [(vectors(10 + n), vectors(20 + n)) for n in range(3)]
    steps[2] = (steps[2][0], torch.cat([steps[1][1][:1], steps[2][1][1:]]))  # a picture that the queue holds
    queue: list[Tensor] = []
    for query, target in steps:
        by_hand = []
        for i, one in enumerate(query):
            others = [old for old in queue if dot(old, target[i]) < 0.9999]
            by_hand.append(surprise(one, [*target, *others], i))
        found = loss(query, target)
        assert value(found) == pytest.approx(sum(by_hand) / 6)
        found.backward()
        queue = [*target.detach(), *queue][:8]
    assert query.grad is not None and int(loss.count) == 8 and not loss.kept.requires_grad
    loss.eval()
    before = loss.kept.clone()
    loss(query, target)
    assert torch.equal(loss.kept, before)


def test_each_name_gives_its_loss() -> None:
    query, target = vectors(5), vectors(6)
    expected = {
        "query_target": query_target(query, target, SCALE),
        "symmetric": symmetric(query, target, SCALE),
        "masked": masked(query, target, SCALE),
        "cyclip": cyclip(query, target, SCALE),
        "queue": query_target(query, target, SCALE),  # nothing queued yet
    }
    assert set(expected) == set(LOSSES)
    for name, wanted in expected.items():
        assert value(build_loss(name, 5, SCALE, 8).double()(query, target)) == pytest.approx(value(wanted)), name
