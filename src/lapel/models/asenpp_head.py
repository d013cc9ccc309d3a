"""One branch of ASEN++: scaled dot-product spatial attention, channel gate, a final linear layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import AttributeHead, HeadOutput


class ASENPPHead(AttributeHead):
    """A branch of ASEN++ (IEEE TIP 2021), global or local; the style classifier's attention too.

    With E the attribute embeddings, x the feature map and hw its positions:

        P = tanh(conv x)                        t = tanh(attr_transform1 E[a])
        s = softmax over hw of (t . P) / sqrt(hidden)
        v = sum over hw of s * x                q = relu(attr_transform2 E[a])
        m = sigmoid(fc2 relu(fc1 [v ; q]))      out = feature_fc(v * m)

    Without spatial attention v is the mean over positions and the regions are uniform; without channel attention m is
    1; the layers then do not exist. Differs from the published code: regions keep the batch axis of a single photo.

    Args:
        channels: C of the feature map (published: 1024 global, 256 local).
        attributes: K; 0 for a local branch, which has no attribute vectors of its own and is given the global one's.
        dim: D (published: 1024 in both branches); None is 1024.
        hidden: width of the attention space (published: 512 global, 256 local).
        attribute_dim: width of the attribute embeddings.
        reduction: C over the width of the channel gate.
        spatial, channel: which attention there is.
    """

    def __init__(
        self,
        channels: int,
        attributes: int,
        dim: int | None = None,
        hidden: int = 512,
        attribute_dim: int = 512,
        reduction: int = 2,
        spatial: bool = True,
        channel: bool = True,
    ) -> None:
        super().__init__()
        self.attributes, self.dim, self.attends, self.gated = attributes, dim or 1024, spatial, channel
        if attributes:
            self.attr_embedding = nn.Embedding(attributes, attribute_dim)
        if spatial:
            self.attr_transform1 = nn.Linear(attribute_dim, hidden)
            self.conv = nn.Conv2d(channels, hidden, 1)
        if channel:
            self.attr_transform2 = nn.Linear(attribute_dim, attribute_dim)
            self.fc1 = nn.Linear(channels + attribute_dim, channels // reduction)
            self.fc2 = nn.Linear(channels // reduction, channels)
        self.feature_fc = nn.Linear(channels, self.dim)

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        raw, regions = self._embed(features, self.attr_embedding(attributes)[:, None])
        return HeadOutput(raw[:, 0], regions[:, 0])

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`; the projection P is computed once for all K."""
        return HeadOutput(*self._embed(features, self.attr_embedding.weight.expand(features.shape[0], -1, -1)))

    def asked(self, features: Tensor, asked: Tensor) -> HeadOutput:
        """Features (B, C, h, w) and attribute vectors (B, A, attribute_dim) -> raw (B, A, D), regions (B, A, h, w)."""
        return HeadOutput(*self._embed(features, asked))

    def _embed(self, features: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        """features (B, C, h, w), asked (B, A, attribute_dim) -> raw (B, A, D), regions (B, A, h, w)."""
        height, width = features.shape[2:]
        flat = features.flatten(2)
        attention = self._attention(features, asked)
        pooled = attention @ flat.transpose(1, 2)
        if self.gated:
            wanted = torch.relu(self.attr_transform2(asked))
            pooled = pooled * torch.sigmoid(self.fc2(torch.relu(self.fc1(torch.cat([pooled, wanted], dim=-1)))))
        return self.feature_fc(pooled), attention.unflatten(2, (height, width))

    def _attention(self, features: Tensor, asked: Tensor) -> Tensor:
        """(B, A, hw), each row summing to 1."""
        positions = features.shape[2] * features.shape[3]
        if not self.attends:
            return features.new_full((len(features), asked.shape[1], positions), 1 / positions)
        projected = torch.tanh(self.conv(features)).flatten(2)
        key = torch.tanh(self.attr_transform1(asked))
        return torch.softmax(key @ projected / math.sqrt(projected.shape[1]), dim=-1)
