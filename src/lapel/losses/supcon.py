"""Supervised contrastive loss, attribute by attribute."""

from __future__ import annotations

import torch
from torch import Tensor

from lapel.losses.pairs import relations


def supcon(embeddings: Tensor, labels: Tensor, sizes: tuple[int, ...], temperature: float = 0.1) -> Tensor:
    """Every photo that shares a value against all with a known label (Khosla et al., arXiv:2004.11362, Eq. 2).

    With P(i) the positives of anchor i and A(i) its positives and negatives, for each attribute:

        L_i = -1/|P(i)| * sum over p in P(i) of log( exp(cos(i,p)/t) / sum over a in A(i) of exp(cos(i,a)/t) )

    averaged over anchors with a positive and a negative, then over attributes. Unknown labels are in neither set.

    Args:
        embeddings: (B, K, D), unit length. labels: (B, V) bool. sizes: values of each attribute.
        temperature: t > 0, in cosine units.

    Returns:
        Scalar; a zero with a graph when no attribute has an anchor.
    """
    total, counted = embeddings.sum() * 0, 0
    for k, positive, negative in relations(labels, sizes):
        anchors = positive.any(dim=1) & negative.any(dim=1)
        if not anchors.any():
            continue
        cosine = embeddings[anchors, k] @ embeddings[:, k].T / temperature
        chosen, others = positive[anchors], negative[anchors]
        everyone = cosine.masked_fill(~(chosen | others), float("-inf")).logsumexp(dim=1, keepdim=True)
        log_share = torch.where(chosen, cosine - everyone, 0.0)
        total = total - (log_share.sum(dim=1) / chosen.sum(dim=1)).mean()
        counted += 1
    return total / max(counted, 1)
