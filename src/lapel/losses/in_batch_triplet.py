"""Triplets from every pair in a batch, for every attribute at once."""

from __future__ import annotations

import torch
from torch import Tensor

from lapel.losses.pairs import relations


def in_batch_triplet(embeddings: Tensor, labels: Tensor, sizes: tuple[int, ...], margin: float = 0.2) -> Tensor:
    """Push photos of another value at least `margin` below those that share it, over all triplets of the batch.

    For attribute k, over its triplets (a, p, n) that are not yet satisfied:

        L_k = mean of cos_k(a, n) - cos_k(a, p) + margin

    and the loss is the mean of L_k over the attributes that have a triplet at all.

    Differs from `margin_ranking` (ASEN): triplets are all those in the batch rather than sampled ones, and
    satisfied ones are left out of the mean, so that the few hard ones keep their weight late in training.

    Args:
        embeddings: (B, K, D), unit length.
        labels: (B, V) bool; an all-false slice is unknown and enters no triplet.
        sizes: number of values of each attribute.
        margin: in cosine units.

    Returns:
        Scalar in [0, margin + 2]; a zero with a graph when the batch holds no triplet.
    """
    total, counted = embeddings.sum() * 0, 0
    for k, positive, negative in relations(labels, sizes):
        has = positive.any(dim=1) & negative.any(dim=1)
        if not has.any():
            continue
        cosine = embeddings[:, k] @ embeddings[:, k].T
        gap = cosine[:, None, :] - cosine[:, :, None] + margin  # [anchor, positive, negative]
        active = positive[:, :, None] & negative[:, None, :] & (gap > 0)
        total = total + torch.where(active, gap, 0.0).sum() / active.sum().clamp(min=1)
        counted += 1
    return total / max(counted, 1)
