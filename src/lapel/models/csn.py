"""CSN (Veit, Belongie, Karaletsos, CVPR 2017): one embedding, one mask an attribute."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lapel.errors import InputError
from lapel.models.attribute_model import AttributeHead, HeadOutput
from lapel.models.triplet import uniform_regions


def initial_masks(attributes: int, dim: int, learned: bool, prein: bool) -> Tensor:
    """(K, D) masks as the published constructors make them.

    Row i's own slice is columns [i L, (i + 1) L) with L = floor(D / K); columns beyond K L belong to no slice.
    Not learned: 1 in the slice, 0 elsewhere. Learned: N(0.9, 0.7); with `prein` 1 in the slice, 0.1 elsewhere.
    """
    if learned and not prein:
        return torch.randn(attributes, dim) * 0.7 + 0.9
    masks = torch.full((attributes, dim), 0.1 if learned else 0.0)
    length = dim // attributes
    for row in range(attributes):
        masks[row, row * length : (row + 1) * length] = 1
    return masks


class CSNHead(AttributeHead):
    """h = embed_fc(mean over positions of x); out = h * masks[a], learned masks through a ReLU first.

    On ASEN's backbone the output is L2-normalised (`unit`); Veit et al.'s original network, which shares this
    head, compares the raw product by Euclidean distance (`lapel.losses.csn`).

    Args:
        channels: C. attributes: K. dim: D; None is C.
        learned: masks are trained (the default of the published comparisons) or fixed slices.
        prein: learned masks start from the slices.

    Raises:
        InputError: fewer dimensions than attributes, which would leave a fixed mask empty.
    """

    attends = False

    def __init__(
        self, channels: int, attributes: int, dim: int | None = None, learned: bool = True, prein: bool = False
    ) -> None:
        super().__init__()
        self.attributes, self.dim, self.learned = attributes, dim or channels, learned
        if self.dim < attributes:
            raise InputError(f"CSN needs at least one dimension an attribute: dim {self.dim}, attributes {attributes}.")
        self.embed_fc = nn.Linear(channels, self.dim)
        self.masks = nn.Embedding(attributes, self.dim)
        self.masks.weight = nn.Parameter(initial_masks(attributes, self.dim, learned, prein), requires_grad=learned)

    def mask(self, attributes: Tensor) -> Tensor:
        """(...,) attribute indices -> (..., D) masks as they are applied."""
        chosen: Tensor = self.masks(attributes)
        return torch.relu(chosen) if self.learned else chosen

    def embedding(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, D), before any mask."""
        return self.embed_fc(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        return HeadOutput(self.embedding(features) * self.mask(attributes), uniform_regions(features))

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`."""
        every = torch.arange(self.attributes, device=features.device)
        raw = self.embedding(features)[:, None] * self.mask(every)
        regions = uniform_regions(features)[:, None].expand(-1, self.attributes, -1, -1)
        return HeadOutput(raw, regions)
