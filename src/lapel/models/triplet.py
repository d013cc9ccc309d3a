"""The Triplet baseline: one embedding for every attribute."""

from __future__ import annotations

from torch import Tensor, nn

from lapel.models.attribute_model import AttributeHead, HeadOutput


def uniform_regions(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h, w), every position the same: what a system that does not attend reports."""
    batch, _, height, width = features.shape
    return features.new_full((batch, height, width), 1 / (height * width))


class TripletHead(AttributeHead):
    """Globally pooled map, one linear layer; the attribute is ignored, so all K embeddings are the same.

    Args:
        channels: C. attributes: K. dim: D; None is C.
    """

    attends = False

    def __init__(self, channels: int, attributes: int, dim: int | None = None) -> None:
        super().__init__()
        self.attributes, self.dim = attributes, dim or channels
        self.embed_fc = nn.Linear(channels, self.dim)

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        return HeadOutput(self.embed_fc(features.mean(dim=(2, 3))), uniform_regions(features))

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`."""
        raw = self.embed_fc(features.mean(dim=(2, 3)))
        every = (-1, self.attributes, -1)
        return HeadOutput(
            raw[:, None].expand(every), uniform_regions(features)[:, None].expand(*every[:2], *features.shape[2:])
        )
