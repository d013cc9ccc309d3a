"""The triplet loss of ASEN and its baselines, on cosines."""

from __future__ import annotations

import torch
from torch import Tensor

from lapel.errors import ShapeError


def margin_ranking(sim_positive: Tensor, sim_negative: Tensor, margin: float = 0.2) -> Tensor:
    """mean over the batch of max(0, sim_negative - sim_positive + margin)    ASEN, its triplet loss (arXiv:2002.02814)

    Args:
        sim_positive, sim_negative: (B,) cosines of the anchor with its positive and its negative.
        margin: in cosine units, between 0 and 2. Published: 0.2.

    Returns:
        Scalar in [0, margin + 2]; satisfied triplets count as zeros in the mean.

    Raises:
        ShapeError: the two shapes differ.
    """
    if sim_positive.shape != sim_negative.shape:
        raise ShapeError(
            f"sim_positive is {tuple(sim_positive.shape)}, sim_negative {tuple(sim_negative.shape)}; they must match."
        )
    return torch.relu(sim_negative - sim_positive + margin).mean()


def triplet_accuracy(sim_positive: Tensor, sim_negative: Tensor) -> Tensor:
    """Share of triplets whose positive is strictly nearer; ties are wrong. Scalar in [0, 1]."""
    return (sim_positive > sim_negative).to(sim_positive.dtype).mean()
