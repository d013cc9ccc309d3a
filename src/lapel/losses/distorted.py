"""The loss of ASENet_V2+GD: an anchor's distorted copies must be ordered like the anchor, and stay near it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lapel.losses.margin_ranking import margin_ranking, triplet_accuracy


class DistortedTerms(NamedTuple):
    """T = 1 + 2 * copies terms. pairs: (T, 2, B) cosines, far then near. terms: (T,). loss, accuracy: scalars."""

    pairs: Tensor
    terms: Tensor
    loss: Tensor
    accuracy: Tensor


def distorted_ranking(
    anchor: Tensor, negative: Tensor, positive: Tensor, copies: Sequence[Tensor], margin: float = 0.2
) -> DistortedTerms:
    """Margin ranking over the anchor and its distorted copies (Dr-LingXiao/GD, its training code; five terms).

    With h(far, near) the margin ranking loss and w_1 ... w_D the copies, the mean of

        h(<a, n>, <a, p>),   h(<w_i, n>, <w_i, p>) for each i,   h(<a, n>, <a, w_i>) for each i

    Published: D = 2, hence five terms of equal weight. No term compares two copies with each other, as published.
    The accuracy is that of the first term alone, as the published log has it.

    Args:
        anchor, negative, positive: (B, D), unit length. copies: each (B, D), unit length; none leaves the first term.
        margin: in cosine units.
    """

    def pair(asked: Tensor, far: Tensor, near: Tensor) -> Tensor:
        return torch.stack([(asked * far).sum(dim=1), (asked * near).sum(dim=1)])

    views = [pair(view, negative, positive) for view in (anchor, *copies)]
    pulls = [pair(anchor, negative, copy) for copy in copies]
    pairs = torch.stack([*views, *pulls])
    terms = torch.stack([margin_ranking(near, far, margin) for far, near in pairs])
    return DistortedTerms(pairs, terms, terms.mean(), triplet_accuracy(pairs[0, 1], pairs[0, 0]))
