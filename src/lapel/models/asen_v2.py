"""ASENet_V2: learnt attribute embeddings, scaled dot-product spatial attention, channel gate."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import AttributeHead, HeadOutput


class ASENV2Head(AttributeHead):
    """The second version of the ASEN authors' code (their README; no paper section of its own).

    With E the attribute embeddings, x the feature map and hw its positions:

        P = tanh(img_bn1(conv1 x))              t = tanh(attr_transform1 E[a])
        s = softmax over hw of (t . P) / sqrt(hidden)
        v = sum over hw of s * x                q = relu(attr_transform2 E[a])
        m = sigmoid(fc2 relu(fc1 [v ; q]))      out = v * m

    As published D = C and, on a map that is never negative (after ReLU), every component is >= 0.
    With `dim` we add one linear layer C -> D at the end, for embeddings small enough to store by the million.

    Args:
        channels: C of the feature map (1024 as published).
        attributes: K.
        dim: D; None is as published, without the added layer.
        hidden: width of the attention space (512 as published).
    """

    def __init__(self, channels: int, attributes: int, dim: int | None = None, hidden: int = 512) -> None:
        super().__init__()
        self.attributes, self.dim = attributes, dim or channels
        self.attr_embedding = nn.Embedding(attributes, hidden)
        self.attr_transform1 = nn.Linear(hidden, hidden)
        self.conv1 = nn.Conv2d(channels, hidden, 1)
        self.img_bn1 = nn.BatchNorm2d(hidden)
        self.attr_transform2 = nn.Linear(hidden, hidden)
        self.fc1 = nn.Linear(channels + hidden, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.project = nn.Linear(channels, dim) if dim else nn.Identity()

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        raw, regions = self._embed(features, self.attr_embedding(attributes)[:, None])
        return HeadOutput(raw[:, 0], regions[:, 0])

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`; the projection P is computed once for all K."""
        return HeadOutput(*self._embed(features, self.attr_embedding.weight.expand(features.shape[0], -1, -1)))

    def _embed(self, features: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        """features (B, C, h, w), asked (B, A, hidden) -> raw (B, A, D), regions (B, A, h, w)."""
        height, width = features.shape[2:]
        flat = features.flatten(2)
        projected = torch.tanh(self.img_bn1(self.conv1(features))).flatten(2)
        key = torch.tanh(self.attr_transform1(asked))
        attention = torch.softmax(key @ projected / math.sqrt(projected.shape[1]), dim=-1)
        pooled = attention @ flat.transpose(1, 2)
        wanted = torch.relu(self.attr_transform2(asked))
        gate = torch.sigmoid(self.fc2(torch.relu(self.fc1(torch.cat([pooled, wanted], dim=-1)))))
        return self.project(pooled * gate), attention.unflatten(2, (height, width))
