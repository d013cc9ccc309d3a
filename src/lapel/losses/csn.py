"""The loss of Veit et al.'s original CSN: Euclidean triplets on masked embeddings, with two norm penalties."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class CSNTerms(NamedTuple):
    """distances: (B,), of the anchor's masked embedding. Norms are means over the three roles. loss: scalar."""

    distance_far: Tensor
    distance_close: Tensor
    embed_norm: Tensor
    mask_norm: Tensor
    masked_norm: Tensor
    triplet: Tensor
    loss: Tensor


def csn_loss(
    embeddings: tuple[Tensor, Tensor, Tensor],
    mask: Tensor,
    margin: float = 0.2,
    embed_weight: float = 5e-3,
    mask_weight: float = 5e-4,
) -> CSNTerms:
    """Triplet term on distances plus penalties (Veit et al., CVPR 2017, with the weights of their code).

        L = mean max(0, margin - d_far + d_close) + embed_weight * N_e / sqrt(B) + mask_weight * N_m / B

    N_e: mean over roles of the L2 norm of all the batch's unmasked embeddings taken as one vector; N_m: the L1 norm
    of the batch's masks as applied. Distances add 1e-6 to each difference, as PyTorch's pairwise distance does.

    Args:
        embeddings: anchor, far, close, each (B, D), before any mask. mask: (B, D) as applied.
        margin: in units of distance.
    """
    anchor, far, close = (role * mask for role in embeddings)
    distance_far, distance_close = F.pairwise_distance(anchor, far), F.pairwise_distance(anchor, close)
    triplet = torch.relu(margin - distance_far + distance_close).mean()
    embed_norm = torch.stack([role.norm() for role in embeddings]).mean()
    masked_norm = torch.stack([role.norm() for role in (anchor, far, close)]).mean()
    mask_norm = mask.abs().sum()
    batch = len(mask)
    loss = triplet + embed_weight * embed_norm / batch**0.5 + mask_weight * mask_norm / batch
    return CSNTerms(distance_far, distance_close, embed_norm, mask_norm, masked_norm, triplet, loss)
