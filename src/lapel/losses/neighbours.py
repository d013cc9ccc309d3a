"""A batch's neighbours as a trained model sees them: similarities distilled, attribute by attribute."""

from __future__ import annotations

import torch
from torch import Tensor

from lapel.errors import ShapeError


def kept_neighbours(embeddings: Tensor, taught: Tensor, temperature: float = 0.1) -> Tensor:
    """How far each photo's neighbours in the batch are from those that a teacher gives it.

    After SEED (Fang et al., ICLR 2021, arXiv:2101.04731, Eq. 4 to 6). With s_ij the cosines of the student, r_ij those
    of the teacher, and t the temperature, for each attribute and photo i:

        L_i = KL( softmax over j != i of r_ij / t  ||  softmax over j != i of s_ij / t )

    averaged over photos and attributes. Labels take no part, so photos without one teach too.

    Differs from the paper: the batch stands where its queue of earlier photos does, a photo is not compared with
    itself, and the teacher's own entropy is taken off, so that 0 means the same neighbours.

    Args:
        embeddings: (B, K, D), unit length. taught: (B, K, E), unit length or all 0; an attribute in which every row is
            0 is one that the teacher does not know, and is left out. temperature: t > 0, in cosine units.

    Returns:
        Scalar >= 0; a zero with a graph for fewer than three photos, or a teacher that knows none of the attributes.

    Raises:
        ShapeError: the two are not of the same photos and attributes.
    """
    if embeddings.shape[:2] != taught.shape[:2]:
        raise ShapeError(
            f"Embeddings {tuple(embeddings.shape)} and a teacher's {tuple(taught.shape)} are of other photos or "
            "attributes."
        )
    known = taught.any(dim=2).any(dim=0)
    if len(embeddings) < 3 or not known.any():
        return embeddings.sum() * 0
    asked, given = (_shares(rows[:, known], temperature) for rows in (embeddings, taught))
    return (given.exp() * (given - asked)).sum(dim=2).mean()


def _shares(rows: Tensor, temperature: float) -> Tensor:
    """(B, K, D) -> (K, B, B - 1) logarithms of what each other photo has of a photo's neighbourhood."""
    count = len(rows)
    others = ~torch.eye(count, dtype=torch.bool, device=rows.device)
    by_attribute = rows.transpose(0, 1)
    cosine = by_attribute @ by_attribute.transpose(1, 2)
    return torch.log_softmax(cosine[:, others].unflatten(1, (count, count - 1)) / temperature, dim=2)
