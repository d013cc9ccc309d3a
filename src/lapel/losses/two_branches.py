"""The losses of ASEN++: a triplet term a branch, and one that holds the two branches together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from lapel.losses.margin_ranking import margin_ranking


class Roles(NamedTuple):
    """One branch's raw embeddings (B, D) of anchors, positives and negatives, not normalised."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


class BranchTerms(NamedTuple):
    """Scalars, each already weighted; `local` and `align` are zero in the first stage."""

    whole: Tensor
    local: Tensor
    align: Tensor

    @property
    def loss(self) -> Tensor:
        """Their sum."""
        return self.whole + self.local + self.align


def branch_triplet(roles: Roles, margin: float) -> Tensor:
    """Mean over the batch of max(0, margin - cos(anchor, positive) + cos(anchor, negative)).

    Raises:
        ShapeError: the roles differ in shape.
    """
    near, far = (F.cosine_similarity(roles.anchor, other) for other in (roles.positive, roles.negative))
    return margin_ranking(near, far, margin)


def align(whole: Sequence[Tensor], local: Sequence[Tensor]) -> Tensor:
    """Sum over the roles of the mean over the batch of max(0, 1 - cos(global, local)).

    Nothing is detached: as published, the gradient reaches both branches.
    """
    terms = [(1 - F.cosine_similarity(a, b)).clamp(min=0).mean() for a, b in zip(whole, local, strict=True)]
    return sum(terms[1:], start=terms[0])


def two_branches(
    whole: Roles, local: Roles | None, margin: float, weights: tuple[float, float, float] = (1.0, 0.1, 0.1)
) -> BranchTerms:
    """ASEN++ (Dong et al., IEEE TIP 2021, by its code): w_g T(global) + w_l T(local) + w_a Align.

    Args:
        whole: of the global branch. local: of the local one; None in the first stage.
        margin: 0.2 as published. weights: w_g, w_l, w_a; the defaults are those of every released second stage.
    """
    first = weights[0] * branch_triplet(whole, margin)
    if local is None:
        return BranchTerms(first, first.new_zeros(()), first.new_zeros(()))
    return BranchTerms(first, weights[1] * branch_triplet(local, margin), weights[2] * align(whole, local))
