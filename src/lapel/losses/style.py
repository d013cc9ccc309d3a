"""The loss of the first style classifier: a ranking term and the classes of anchor and negative."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from lapel.losses.margin_ranking import margin_ranking


class StyleTerms(NamedTuple):
    """Scalars. classes: the weighted cross-entropies, without the ranking term."""

    triplet: Tensor
    classes: Tensor
    loss: Tensor


def style_v1_loss(
    embeddings: Tensor,
    logits: Tensor,
    classes: tuple[Tensor, Tensor],
    margin: float = 0.2,
    weights: tuple[float, float, float] = (0.1, 0.5, 0.5),
) -> StyleTerms:
    """As pajamacoders/fashionStyleClassification trained its first version.

        L = 0.1 * margin ranking + 0.5 * CE(anchor's logits) + 0.5 * CE(negative's logits)

    Args:
        embeddings: (3, B, D), unit length: anchors, positives, negatives. logits: (3, B, classes), likewise.
        classes: (B,) of the anchors, and of the negatives. margin: in cosine units.
        weights: of the ranking term, the anchors' and the negatives' cross-entropy.
    """
    anchor, positive, negative = embeddings
    triplet = margin_ranking((anchor * positive).sum(dim=1), (anchor * negative).sum(dim=1), margin)
    ranking, own, other = weights
    named = own * F.cross_entropy(logits[0], classes[0]) + other * F.cross_entropy(logits[2], classes[1])
    return StyleTerms(triplet, named, ranking * triplet + named)
