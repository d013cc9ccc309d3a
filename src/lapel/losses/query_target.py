"""Batch contrastive loss of composed retrieval: each query's target against the batch's other targets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SCALE = 100.0
"""The published fixed temperature: CLIP's greatest logit scale."""


def query_target(query: Tensor, target: Tensor, scale: float | Tensor = SCALE, first: int = 0) -> Tensor:
    """Cross-entropy of scale * query . target^T with the diagonal as labels, query to target only.

    Chen et al., AAAI 2024; also CLIP4Cir (Baldrati et al., CVPR 2022).

    Args:
        query: (B, d) unit length. target: (N, d) unit length, N at least B; row i of one belongs to row first + i of
            the other (targets gathered from several processes), as published with N = B and first = 0.

    Returns:
        Scalar; log(B) when nothing is known.
    """
    logits = scale * query @ target.T
    return F.cross_entropy(logits, torch.arange(first, first + len(query), device=query.device))
