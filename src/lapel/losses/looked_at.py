"""Attention that falls where an attribute is to be seen, learnt from masks."""

from __future__ import annotations

import torch
from torch import Tensor

from lapel.errors import ShapeError

LEAST = 0.02
"""Cells, in all, that a region must cover to be learnt from: less is the rim of something that was cut off."""

FLOOR = 1e-4


def looked_at(regions: Tensor, cover: Tensor) -> Tensor:
    """How far attention falls beside the region that shows its attribute.

    After the attention correctness of Liu et al. (AAAI 2017, arXiv:1605.09553), the share of attention inside a
    region. With a the attention over the cells (it sums to 1) and c the share of each cell that the region covers:

        L = -log( (sum over cells of a * c + 1e-4) / (greatest c + 1e-4) )

    averaged over all pairs of a photo and an attribute whose region is known and visible. What a single cell could
    reach is taken off, so that 0 is the best that this map can do. The form is ours.

    Args:
        regions: (B, K, h, w), each map sums to 1. cover: (B, K, h, w) in [0, 1]; all 0 where no region is known.

    Returns:
        Scalar >= 0; a zero with a graph when no region is known.

    Raises:
        ShapeError: the two differ in shape.
    """
    if regions.shape != cover.shape:
        raise ShapeError(f"Maps {tuple(regions.shape)} and regions {tuple(cover.shape)} differ in shape.")
    known = cover.sum(dim=(2, 3)) > LEAST
    if not known.any():
        return regions.sum() * 0
    inside, best = (regions.float() * cover).sum(dim=(2, 3)), cover.amax(dim=(2, 3))
    return -torch.log((inside + FLOOR) / (best + FLOOR))[known].mean()
