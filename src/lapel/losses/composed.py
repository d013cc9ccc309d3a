"""Further losses of composed retrieval: what FashionERN's code names beside its own, each a row of `LOSSES`.

The published code keeps these unused, so each follows its own paper; where that is open, the docstring says what is
ours. B queries against N targets, N >= B: row i of the queries belongs to row first + i.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.errors import ShapeError
from lapel.losses.query_target import query_target

SAME = 1 - 1e-5
"""Cosine from which two targets are one picture."""


def symmetric(query: Tensor, target: Tensor, scale: float, first: int = 0) -> Tensor:
    """Cross-entropy both ways, query to target and target to query, halved (Radford et al., ICML 2021).

    (B, d) both, so `first` is 0.

    Raises:
        ShapeError: not as many targets as queries.
    """
    if query.shape != target.shape:
        raise ShapeError(f"This loss compares as many targets as queries, not {len(target)} with {len(query)}.")
    return 0.5 * (query_target(query, target, scale) + query_target(target, query, scale))


def masked(query: Tensor, target: Tensor, scale: float, first: int = 0) -> Tensor:
    """Negative log-likelihood that leaves out other rows of the same target picture, which are no wrong answers."""
    own = torch.arange(first, first + len(query), device=query.device)
    same = target[own] @ target.T > SAME
    same[torch.arange(len(query)), own] = False
    return F.cross_entropy((scale * query @ target.T).masked_fill(same, float("-inf")), own)


def cyclip(
    query: Tensor, target: Tensor, scale: float, first: int = 0, cross: float = 0.25, inner: float = 0.25
) -> Tensor:
    """`symmetric`, and two consistencies (Goel et al., NeurIPS 2022, with their weights).

    cross: of (q_j . t_k - q_k . t_j)^2; inner: of (q_j . q_k - t_j . t_k)^2; each its mean over the B x B pairs, of
    plain cosines. (B, d) both, unit length.
    """
    scores = query @ target.T
    consistent = (scores - scores.T).square().mean()
    alike = (query @ query.T - target @ target.T).square().mean()
    return symmetric(query, target, scale) + cross * consistent + inner * alike


PLAIN: dict[str, Callable[[Tensor, Tensor, float, int], Tensor]] = {
    "query_target": query_target, "symmetric": symmetric, "masked": masked, "cyclip": cyclip,
}  # fmt: skip
"""Losses of one step alone."""

LOSSES = (*PLAIN, "queue")
"""Names that a recipe may give; "queue" remembers the steps before."""


class QueryTarget(nn.Module):
    """One of `PLAIN` by name, as a step of training calls it.

    Args:
        scale: of the cosines.
    """

    def __init__(self, name: str, scale: float) -> None:
        super().__init__()
        self.loss, self.scale = PLAIN[name], scale

    def forward(self, query: Tensor, target: Tensor, first: int = 0) -> Tensor:
        """Queries (B, d), targets (N, d) -> scalar."""
        return self.loss(query, target, self.scale, first)


class Queued(nn.Module):
    """Cross-entropy in which targets of steps before are negatives too (a queue, as He et al., CVPR 2020). Ours.

    What a step adds has no gradient, and a target that is the row's own picture is left out. Stored with a checkpoint,
    so a resumed run goes on with the same queue.

    Args:
        dim: d. length: targets kept; 0 is plain cross-entropy. scale: of the cosines.
    """

    kept: Tensor
    count: Tensor

    def __init__(self, dim: int, length: int, scale: float) -> None:
        super().__init__()
        self.length, self.scale = length, scale
        self.register_buffer("kept", torch.zeros(length, dim))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, query: Tensor, target: Tensor, first: int = 0) -> Tensor:
        """Queries (B, d), targets (N, d) -> scalar; in training the targets are then kept."""
        before = self.kept[: int(self.count)].clone()
        own = torch.arange(first, first + len(query), device=query.device)
        scores = self.scale * query @ torch.cat([target, before]).T
        same = torch.zeros_like(scores, dtype=torch.bool)
        same[:, len(target) :] = target[own].detach() @ before.T > SAME
        loss = F.cross_entropy(scores.masked_fill(same, float("-inf")), own)
        if self.training and self.length:
            newest = torch.cat([target.detach().to(before), before])[: self.length]
            self.kept[: len(newest)] = newest
            self.count.fill_(len(newest))
        return loss


def build_loss(name: str, dim: int, scale: float, queue: int) -> nn.Module:
    """A loss by its name. dim: d of the vectors. queue: targets that "queue" keeps."""
    return Queued(dim, queue, scale) if name == "queue" else QueryTarget(name, scale)
