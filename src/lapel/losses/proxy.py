"""Cross-entropy against one learnable proxy a value."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ProxySoftmax(nn.Module):
    """Holds learnable proxies, one a value, and pulls each photo to the proxies of the values that it holds.

    With unit embeddings e_k and unit proxies w, for each photo whose label of attribute k is known:

        L = -log( sum over held v of softmax_v(scale * cos(e_k, w_v)) )

    averaged over the photos of an attribute, then over attributes. For one held value this is the normalised
    softmax of Zhai & Wu, "Classification is a Strong Baseline for Deep Metric Learning" (arXiv:1811.12649);
    the sum over several held values is ours.

    Args:
        sizes: number of values of each attribute. dim: D. scale: inverse temperature.
    """

    def __init__(self, sizes: tuple[int, ...], dim: int, scale: float = 16.0) -> None:
        super().__init__()
        self.sizes, self.scale = sizes, scale
        self.proxies = nn.Parameter(torch.randn(sum(sizes), dim))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Embeddings (B, K, D) unit, labels (B, V) bool -> scalar; a zero with a graph when nothing is known."""
        total, counted = embeddings.sum() * 0, 0
        proxies = F.normalize(self.proxies, dim=1).split(self.sizes)
        for k, held in enumerate(labels.split(self.sizes, dim=1)):
            known = held.any(dim=1)
            if not known.any():
                continue
            logits = self.scale * embeddings[known, k] @ proxies[k].T
            inside = logits.masked_fill(~held[known], float("-inf"))
            total = total + (logits.logsumexp(dim=1) - inside.logsumexp(dim=1)).mean()
            counted += 1
        return total / max(counted, 1)
