"""Combiner (CLIP4Cir; Baldrati et al., CVPR 2022), and VTF, a second path beside it; both over CLIP's vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.models.attribute_model import unit


def scalar(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """width -> a number in (0, 1)."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1), nn.Sigmoid())


class Combiner(nn.Module):
    """A learnt sum of a picture's and a text's vector plus a learnt third vector; unit length.

    Args:
        dim: width of both vectors. projection, hidden: 2 * dim times 1 and 2 times 2 in the published sizes
            (CLIP4Cir: 640 -> 2560 and 5120).
    """

    def __init__(self, dim: int, projection: int, hidden: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.text_projection_layer = nn.Linear(dim, projection)
        self.image_projection_layer = nn.Linear(dim, projection)
        self.combiner_layer = nn.Linear(2 * projection, hidden)
        self.output_layer = nn.Linear(hidden, dim)
        self.dynamic_scalar = scalar(2 * projection, hidden, dropout)
        self.drop = nn.Dropout(dropout)

    def mix(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, dim) each -> (B, dim), before normalisation."""
        both = torch.cat(
            [
                self.drop(F.relu(self.text_projection_layer(text))),
                self.drop(F.relu(self.image_projection_layer(image))),
            ],
            dim=-1,
        )
        third = self.output_layer(self.drop(F.relu(self.combiner_layer(both))))
        weight = self.dynamic_scalar(both)
        return third + weight * text + (1 - weight) * image  # type: ignore[no-any-return]

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, dim) each -> (B, dim), unit length."""
        return unit(self.mix(image, text))


class VTF(Combiner):
    """Combiner and a second path over gated vectors, as FashionERN's repository compares it.

    The gates end in a softmax over a single number, so they are always 1: kept, with their unused weights, because
    saved files hold them. The text's gate serves both sides, as published. `projection` must be 2 * dim.
    """

    def __init__(self, dim: int, projection: int, hidden: int, dropout: float = 0.5) -> None:
        super().__init__(dim, projection, hidden, dropout)
        self.image_mlp = scalar(dim, dim, dropout)
        self.text_mlp = scalar(dim, dim, dropout)
        self.combiner_layer2 = nn.Linear(2 * dim, hidden)
        self.output_layer2 = nn.Linear(hidden, dim)
        self.dynamic_scalar2 = scalar(2 * dim, hidden, dropout)

    def mix(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, dim) each -> (B, dim), before normalisation."""
        said, seen = self.drop(F.relu(text)), self.drop(F.relu(image))
        both = torch.cat([said, seen], dim=-1)
        third = self.output_layer2(self.drop(F.relu(self.combiner_layer2(both))))
        weight = self.dynamic_scalar2(both)
        return super().mix(image, text) + third + weight * said + (1 - weight) * seen  # type: ignore[no-any-return]
