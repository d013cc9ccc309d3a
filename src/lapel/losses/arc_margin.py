"""Cross-entropy with an additive angular margin, as the style classifier is trained with."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-12
"""Least squared sine: at |cos| = 1 the square root's slope is infinite, and one such photo would end a run."""


def arc_logits(cosines: Tensor, labels: Tensor, scale: float = 10.0, margin: float = 0.5, easy: bool = False) -> Tensor:
    """Cosines (B, C) -> logits (B, C) whose true class is made harder (Deng et al., "ArcFace", arXiv:1801.07698).

        phi = cos(theta + margin)                           where theta + margin < pi
        phi = cos - margin * sin(pi - margin)               beyond, so that it stays decreasing
        logits = scale * (phi for the true class, cos for the others)

    easy: phi where cos > 0, the bare cosine elsewhere.

    Args:
        cosines: (B, C) in [-1, 1]. labels: (B,) int64. scale: inverse temperature. margin: in radians.
    """
    sines = torch.sqrt((1 - cosines**2).clamp(EPSILON, 1.0))
    moved = cosines * math.cos(margin) - sines * math.sin(margin)
    if easy:
        phi = torch.where(cosines > 0, moved, cosines)
    else:
        phi = torch.where(cosines > math.cos(math.pi - margin), moved, cosines - margin * math.sin(math.pi - margin))
    true = F.one_hot(labels, cosines.shape[1]).bool()
    return scale * torch.where(true, phi, cosines)


def arc_margin(cosines: Tensor, labels: Tensor, scale: float = 10.0, margin: float = 0.5, easy: bool = False) -> Tensor:
    """Mean cross-entropy of `arc_logits`: a scalar >= 0."""
    return F.cross_entropy(arc_logits(cosines, labels, scale, margin, easy), labels)
