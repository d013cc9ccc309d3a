"""Losses over all pairs of a batch: each recomputed with plain loops over photos, attributes and values."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lapel.errors import ShapeError
from lapel.losses.in_batch_triplet import in_batch_triplet
from lapel.losses.pairs import relations
from lapel.losses.proxy import ProxySoftmax
from lapel.losses.supcon import supcon

SIZES = (3, 2, 4)


def batch(seed: int, photos: int = 9, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Unit embeddings (B, K, 5) and partial, multi-valued labels (B, V)."""
    source = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(photos, len(SIZES), 5, generator=source, dtype=dtype)
    labels = torch.rand(photos, sum(SIZES), generator=source) < 0.3
    labels[0] = False
    return torch.nn.functional.normalize(embeddings, dim=2).requires_grad_(), labels


def slices(labels: Tensor) -> list[list[set[int]]]:
    """Values held, by attribute and photo, in plain Python."""
    found, start = [], 0
    for size in SIZES:
        found.append([{v for v in range(size) if labels[i, start + v]} for i in range(len(labels))])
        start += size
    return found


def cosine(embeddings: Tensor, k: int, i: int, j: int) -> float:
    return float((embeddings[i, k] * embeddings[j, k]).sum())


def looped_triplet(embeddings: Tensor, labels: Tensor) -> float:
    means = []
    for k, held in enumerate(slices(labels)):
        gaps = [
            cosine(embeddings, k, a, n) - cosine(embeddings, k, a, p) + 0.2
            for a in range(len(held))
            for p in range(len(held))
            for n in range(len(held))
            if a != p and held[a] & held[p] and held[a] and held[n] and not held[a] & held[n]
        ]
        active = [gap for gap in gaps if gap > 0]
        means += [sum(active) / max(len(active), 1)] if gaps else []
    return sum(means) / len(means)


def looped_supcon(embeddings: Tensor, labels: Tensor) -> float:
    means = []
    for k, held in enumerate(slices(labels)):
        photos = range(len(held))
        terms = []
        for i in photos:
            positive = [j for j in photos if j != i and held[i] & held[j]]
            negative = [j for j in photos if held[i] and held[j] and not held[i] & held[j]]
            if positive and negative:
                total = sum(math.exp(cosine(embeddings, k, i, a) / 0.1) for a in positive + negative)
                shares = [math.log(math.exp(cosine(embeddings, k, i, p) / 0.1) / total) for p in positive]
                terms.append(-sum(shares) / len(positive))
        means += [sum(terms) / len(terms)] if terms else []
    return sum(means) / len(means)


def looped_proxy(embeddings: Tensor, labels: Tensor, loss: ProxySoftmax) -> float:
    means, start = [], 0
    for k, held in enumerate(slices(labels)):
        terms = []
        for i, values in enumerate(held):
            if values:
                weights = []
                for v in range(SIZES[k]):
                    proxy = loss.proxies.detach()[start + v]
                    proxy = proxy / proxy.norm()
                    weights.append(math.exp(loss.scale * float((embeddings[i, k] * proxy).sum())))
                terms.append(-math.log(sum(weights[v] for v in values) / sum(weights)))
        means += [sum(terms) / len(terms)] if terms else []
        start += SIZES[k]
    return sum(means) / len(means)


def proxies() -> ProxySoftmax:
    torch.manual_seed(5)
    return ProxySoftmax(SIZES, 5, scale=7.0).double()


LOSSES: dict[str, tuple[Callable[..., Tensor], Callable[..., float]]] = {
    "triplet": (lambda e, y: in_batch_triplet(e, y, SIZES), looped_triplet),
    "supcon": (lambda e, y: supcon(e, y, SIZES), looped_supcon),
    "proxy": (lambda e, y: proxies()(e, y), lambda e, y: looped_proxy(e, y, proxies())),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", LOSSES)
def test_it_is_the_plain_loop(name: str, seed: int) -> None:
    embeddings, labels = batch(seed)
    loss, looped = LOSSES[name]
    assert float(loss(embeddings, labels).detach()) == pytest.approx(looped(embeddings.detach(), labels), rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_agrees(name: str) -> None:
    embeddings, labels = batch(4)
    loss = LOSSES[name][0] if name != "proxy" else lambda e, y: proxies().to(e.dtype)(e, y)
    exact, rounded = loss(embeddings, labels), loss(embeddings.detach().float(), labels)
    assert float(rounded.detach()) == pytest.approx(float(exact.detach()), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_known_is_a_zero_that_can_be_differentiated(name: str) -> None:
    embeddings, labels = batch(0)
    value = LOSSES[name][0](embeddings, torch.zeros_like(labels))
    assert float(value.detach()) == 0
    value.backward()
    assert embeddings.grad is not None and not embeddings.grad.any()


@pytest.mark.parametrize("name", ["triplet", "supcon"])
def test_a_batch_of_one_value_holds_no_triplet(name: str) -> None:
    embeddings, labels = batch(0)
    labels = torch.zeros_like(labels)
    labels[:, [0, 3, 5]] = True
    assert float(LOSSES[name][0](embeddings, labels).detach()) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_photo_of_unknown_label_changes_nothing_and_gets_no_gradient(name: str) -> None:
    embeddings, labels = batch(1)
    value = LOSSES[name][0](embeddings, labels)
    value.backward()
    assert embeddings.grad is not None and not embeddings.grad[0].any() and embeddings.grad[1:].any()
    without = LOSSES[name][0](embeddings.detach()[1:], labels[1:])
    torch.testing.assert_close(value.detach(), without.detach())


@pytest.mark.parametrize("name", LOSSES)
def test_its_gradient_is_the_numerical_one(name: str) -> None:
    embeddings, labels = batch(2)
    assert torch.autograd.gradcheck(lambda e: LOSSES[name][0](e, labels), (embeddings,), eps=1e-7, atol=1e-5)


def test_proxies_are_weights_of_the_loss_and_move() -> None:
    embeddings, labels = batch(3)
    loss = proxies()
    assert [tuple(p.shape) for p in loss.parameters()] == [(9, 5)]
    loss(embeddings, labels).backward()
    assert loss.proxies.grad is not None and loss.proxies.grad.any()


def test_equal_cosines_give_log_of_the_number_of_values() -> None:
    loss = ProxySoftmax((4,), 5)
    loss.proxies.data[:] = torch.ones(5)
    embeddings = torch.nn.functional.normalize(torch.randn(3, 1, 5), dim=2)
    labels = torch.eye(4, dtype=torch.bool)[:3]
    assert float(loss(embeddings, labels).detach()) == pytest.approx(math.log(4), rel=1e-5)


def test_photos_that_share_one_of_several_values_are_positives_and_unknown_ones_are_neither() -> None:
    labels = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=torch.bool)
    _, positive, negative = next(iter(relations(labels, (3,))))
    assert positive.tolist() == [[False, True, False, False], [True, False, False, False], [False] * 4, [False] * 4]
    assert negative.nonzero().tolist() == [[0, 2], [1, 2], [2, 0], [2, 1]]


def test_sizes_that_do_not_fit_the_labels_are_refused() -> None:
    with pytest.raises(ShapeError, match="labels have 9 columns, the attributes 8 values in all"):
        list(relations(torch.zeros(2, 9, dtype=torch.bool), (3, 5)))
