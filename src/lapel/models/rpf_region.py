"""RPF's region-aware branch: attention over layer-normed tokens, foreground and background features."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import AttributeHead, HeadOutput

NORM_EPSILON = 1e-6


class RegionOutput(NamedTuple):
    """raw, background: (..., D) before L2 normalisation. regions: (..., h, w), each map summing to 1."""

    raw: Tensor
    background: Tensor
    regions: Tensor


class Mlp(nn.Module):
    """fc2(act(fc1 x)) with dropout after each layer: the one block that both branches of RPF use."""

    def __init__(self, width: int, hidden: int, dropout: float, act: nn.Module) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.act, self.dropout = act, nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.dropout(self.fc2(self.dropout(self.act(self.fc1(x)))))  # type: ignore[no-any-return]


class RPFRegionHead(AttributeHead):
    """The region branch of RPF (Dong et al., SIGIR 2023, arXiv:2305.10260), from its code.

    With E the attribute embeddings, x_p the feature map at position p and hw its positions:

        t_p = LN_x(x_p)                         q = tanh(attr_transform1 LN_a(E[a]))
        s = softmax over hw of (q . tanh(conv t_p)) / sqrt(hidden)
        u = feature_fc(sum_p s_p t_p)           v = sum_p (1 - s_p) t_p / sum_p (1 - s_p)
        foreground = LN_m(mlp(LN_m u) + u)      background = LN_m(mlp(LN_m v) + v)

    Two things look like slips and are kept, because released weights were trained with them: the background passes
    by `feature_fc`, and one LayerNorm serves before and after the MLP.
    As published D = C. With `dim` we add one linear layer C -> D, shared by both, for embeddings small enough to store.

    Args:
        channels: C of the feature map (1024 as published).
        attributes: K.
        dim: D; None is as published, without the added layer.
        hidden: width of the attribute embeddings and of the attention space (512 as published).
        reduction: C over the MLP's width (2 as published).
        dropout: in the MLP, while training (0.1 as published).
    """

    def __init__(
        self,
        channels: int,
        attributes: int,
        dim: int | None = None,
        hidden: int = 512,
        reduction: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.attributes, self.dim, self.hidden = attributes, dim or channels, hidden
        self.attr_embedding = nn.Embedding(attributes, hidden)
        self.attr_transform1 = nn.Linear(hidden, hidden)
        self.conv = nn.Conv2d(channels, hidden, 1)
        self.feature_fc = nn.Linear(channels, channels)
        self.x_layer_norm = nn.LayerNorm(channels, eps=NORM_EPSILON)
        self.a_layer_norm = nn.LayerNorm(hidden, eps=NORM_EPSILON)
        self.mlp_layer_norm = nn.LayerNorm(channels, eps=NORM_EPSILON)
        self.mlp = Mlp(channels, channels // reduction, dropout, nn.ReLU())
        self.project = nn.Linear(channels, dim) if dim else nn.Identity()

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        tokens, pooled, regions = self._attend(features, self.attr_embedding(attributes)[:, None])
        return HeadOutput(self._finish(self.feature_fc(pooled))[:, 0], regions[:, 0])

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`; tokens and keys are computed once for all K."""
        every = self.attr_embedding.weight.expand(features.shape[0], -1, -1)
        _, pooled, regions = self._attend(features, every)
        return HeadOutput(self._finish(self.feature_fc(pooled)), regions)

    def both(self, features: Tensor, attributes: Tensor) -> RegionOutput:
        """As `forward`, with the background beside: features (B, C, h, w), attributes (B,) or (B, A).

        Returns:
            raw and background (B, D) or (B, A, D), regions (B, h, w) or (B, A, h, w).
        """
        asked = self.attr_embedding(attributes if attributes.ndim == 2 else attributes[:, None])
        tokens, pooled, regions = self._attend(features, asked)
        left = 1 - regions.flatten(2)
        share = left / left.sum(dim=-1, keepdim=True).clamp(min=NORM_EPSILON)  # a map of one position has no rest
        found = self._finish(self.feature_fc(pooled)), self._finish(share.to(tokens.dtype) @ tokens), regions
        return RegionOutput(*(found if attributes.ndim == 2 else (part[:, 0] for part in found)))

    def _attend(self, features: Tensor, asked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """features (B, C, h, w), asked (B, A, hidden) -> tokens (B, hw, C), pooled (B, A, C), regions (B, A, h, w)."""
        height, width = features.shape[2:]
        tokens = self.x_layer_norm(features.flatten(2).transpose(1, 2))
        keys = torch.tanh(nn.functional.linear(tokens, self.conv.weight.flatten(1), self.conv.bias))
        query = torch.tanh(self.attr_transform1(self.a_layer_norm(asked)))
        scores = query @ keys.transpose(1, 2) / math.sqrt(self.hidden)
        # In half precision what is left of a map, and the gradient of its share, leave the range of numbers.
        share = torch.softmax(scores.float() if scores.dtype.itemsize < 4 else scores, dim=-1)
        return tokens, share.to(tokens.dtype) @ tokens, share.unflatten(2, (height, width))

    def _finish(self, z: Tensor) -> Tensor:
        """The tail that foreground and background share: (..., C) -> (..., D)."""
        return self.project(self.mlp_layer_norm(self.mlp(self.mlp_layer_norm(z)) + z))  # type: ignore[no-any-return]
