"""Where attention lies, as boxes on the original photo: `lapel.images.cropping` for tensors. No gradient passes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lapel import images


def boxes(maps: Tensor, sizes: Sequence[tuple[int, int]], threshold: float, side: int = 224) -> Tensor:
    """The published arithmetic of ASEN++ and RPF.

    Args:
        maps: (B, h, w) attention over a centre crop of side x side. sizes: (width, height) of each original photo.
        threshold: share of a map's range above which a position is kept.

    Returns:
        (B, 4) int64 on the CPU: left, top, right, bottom in the original's pixels.
    """
    return torch.from_numpy(images.boxes(maps.detach().cpu().numpy(), sizes, threshold, side))
