"""ASENet V1: attribute-aware spatial attention, then attribute-aware channel attention."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import AttributeHead, HeadOutput


class ASENHead(AttributeHead):
    """The AAAI 2020 model (Ma et al., "Fine-Grained Fashion Similarity Learning by Attribute-Specific Embedding").

    With e_a the attribute's one-hot, x the feature map and hw its positions:

        P = tanh(conv1 x)                       t = tanh(mask_fc1 e_a)
        s = softmax over hw of tanh(conv2 (t * P))
        v = sum over hw of s * x                q = relu(mask_fc2 e_a)
        m = sigmoid(fc2 relu(fc1 [v ; q]))      out = feature_fc(v * m)

    Differs from the published code: the map may have any size (theirs is fixed at 14 x 14).

    Args:
        channels: C of the feature map (1024 as published).
        attributes: K.
        dim: D of the embedding; None is C, as published.
        hidden: width of the attention space (512 as published).
    """

    def __init__(self, channels: int, attributes: int, dim: int | None = None, hidden: int = 512) -> None:
        super().__init__()
        self.attributes, self.dim = attributes, dim or channels
        self.mask_fc1 = nn.Linear(attributes, hidden, bias=False)
        self.mask_fc2 = nn.Linear(attributes, channels, bias=False)
        self.fc1 = nn.Linear(2 * channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.feature_fc = nn.Linear(channels, self.dim)
        self.conv1 = nn.Conv2d(channels, hidden, 1)
        self.conv2 = nn.Conv2d(hidden, 1, 1)

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        raw, regions = self._embed(features, self.mask_fc1.weight.T[attributes][:, None], attributes[:, None])
        return HeadOutput(raw[:, 0], regions[:, 0])

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`; the projection P is computed once for all K."""
        every = torch.arange(self.attributes, device=features.device).expand(features.shape[0], -1)
        return HeadOutput(*self._embed(features, self.mask_fc1.weight.T.expand(features.shape[0], -1, -1), every))

    def _embed(self, features: Tensor, mask: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor]:
        """features (B, C, h, w), mask (B, A, hidden), attributes (B, A) -> raw (B, A, D), regions (B, A, h, w)."""
        height, width = features.shape[2:]
        flat = features.flatten(2)
        projected = torch.tanh(self.conv1(features)).flatten(2)
        # conv2(t * P) is a dot product over the hidden axis, so its weights may be folded into t once.
        asked = torch.tanh(mask) * self.conv2.weight.view(-1)
        scores = torch.tanh(asked @ projected + cast(Tensor, self.conv2.bias))
        attention = torch.softmax(scores, dim=-1)
        pooled = attention @ flat.transpose(1, 2)
        wanted = torch.relu(self.mask_fc2.weight.T[attributes])
        gate = torch.sigmoid(self.fc2(torch.relu(self.fc1(torch.cat([pooled, wanted], dim=-1)))))
        return self.feature_fc(pooled * gate), attention.unflatten(2, (height, width))
