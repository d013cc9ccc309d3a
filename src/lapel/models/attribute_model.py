"""The shape that every attribute system shares: backbone -> feature map -> head; values and look beside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-12
"""Guards the L2 norm of an all-zero embedding (a CSN mask row that is all <= 0); results are otherwise unchanged."""


class HeadOutput(NamedTuple):
    """raw: (..., D) before L2 normalisation. regions: (..., h, w), non-negative, summing to 1."""

    raw: Tensor
    regions: Tensor


class ModelOutput(NamedTuple):
    """`lapel.schema.Outputs` as tensors; see there for shapes. composed is None without that head."""

    embeddings: Tensor
    regions: Tensor
    values: Tensor
    look: Tensor
    composed: Tensor | None = None


def unit(x: Tensor) -> Tensor:
    """L2-normalise along the last axis, never in less than float32: in bfloat16 lengths would be off by 0.4 %."""
    return F.normalize(x.float() if x.dtype.itemsize < 4 else x, dim=-1, eps=EPSILON)


class AttributeHead(nn.Module, ABC):
    """Feature map (B, C, h, w) -> embeddings under one attribute each, or under all K at once."""

    attends: bool = True
    attributes: int
    dim: int

    @abstractmethod
    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """Features (B, C, h, w), attributes (B,) int64 -> raw (B, D), regions (B, h, w)."""

    @abstractmethod
    def all(self, features: Tensor) -> HeadOutput:
        """Features (B, C, h, w) -> raw (B, K, D), regions (B, K, h, w): what K calls of `forward` give."""


class PrototypeValues(nn.Module):
    """Value probabilities: softmax over cosines to one prototype a value, at a fitted temperature per attribute.

    Until `fitted` (see `lapel.training.finish`) the probabilities are uniform and the card says so.
    """

    prototypes: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(self, sizes: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.register_buffer("prototypes", torch.zeros(sum(sizes), dim))
        self.register_buffer("scale", torch.zeros(len(sizes)))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def forward(self, embeddings: Tensor) -> Tensor:
        """(B, K, D) unit -> (B, V) probabilities, each attribute's slice summing to 1."""
        parts, start = [], 0
        for k, size in enumerate(self.sizes):
            cosines = embeddings[:, k] @ self.prototypes[start : start + size].T
            parts.append(torch.softmax(cosines * self.scale[k], dim=-1))
            start += size
        return torch.cat(parts, dim=-1)


class Look(nn.Module):
    """The whole-look embedding: the globally pooled map, centred and projected to `dim` (0 keeps all channels).

    The projection is the principal axes of the training images' pooled features (`lapel.training.finish`), so
    it keeps the backbone's own notion of likeness; it is no trained layer.
    """

    projection: Tensor
    centre: Tensor

    def __init__(self, channels: int, dim: int = 0) -> None:
        super().__init__()
        self.dim = dim or channels
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("projection", torch.eye(self.dim, channels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, L), unit length."""
        pooled = features.mean(dim=(2, 3)) - self.centre
        return unit(pooled @ self.projection.T)


class AttributeModel(nn.Module):
    """A backbone and a head.

    dim: D of the embeddings. composed: feature map -> (B, C) unit, of a model that was taught words; None before.

    Args:
        backbone: (B, 3, H, W) -> (B, C, h, w); has `.channels`.
        head: one of the systems' heads for C channels.
        sizes: number of values of each attribute, in index order.
        look_dim: 0 keeps all channels of the pooled map.
    """

    def __init__(
        self, backbone: nn.Module, head: AttributeHead, sizes: tuple[int, ...] = (), look_dim: int = 0
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.dim = backbone, head, head.dim
        self.values = PrototypeValues(sizes or (1,) * head.attributes, head.dim)
        self.look = Look(int(backbone.channels), look_dim)  # type: ignore[arg-type]
        self.composed: nn.Module | None = None

    def embed(self, pixels: Tensor, attributes: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), attributes (B,) -> (B, D) unit: one attribute an image, as training asks."""
        return unit(self.head(self.backbone(pixels), attributes).raw)

    def similarities(
        self, anchor: Tensor, negative: Tensor, positive: Tensor, attributes: Tensor, order: str = "anp"
    ) -> tuple[Tensor, Tensor]:
        """Cosines of (anchor, positive) and (anchor, negative), each (B,); photos are (B, 3, H, W).

        One forward a role: in training mode batch statistics belong to one role, and running averages move three
        times, in this order: anchor, negative, positive ("anp": ASEN) or anchor, positive, negative ("apn").
        """
        roles = {"a": anchor, "n": negative, "p": positive}
        embedded = {role: self.embed(roles[role], attributes) for role in order}
        a, n, p = (embedded[role] for role in "anp")
        return (a * p).sum(dim=1), (a * n).sum(dim=1)

    def views(self, photos: Sequence[Tensor], attributes: Tensor) -> list[Tensor]:
        """Photos (B, 3, H, W) each, attributes (B,) -> (B, D) unit each: one forward a view, in the given order."""
        return [self.embed(view, attributes) for view in photos]

    def regions(self, pixels: Tensor, attributes: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), attributes (B,) -> (B, h, w), each map summing to 1."""
        return self.head(self.backbone(pixels), attributes).regions  # type: ignore[no-any-return]

    def forward(self, pixels: Tensor) -> ModelOutput:
        """Pixels (B, 3, H, W) -> everything, from one backbone pass."""
        return self.of_maps(self.backbone(pixels))

    def of_maps(self, features: Tensor) -> ModelOutput:
        """The backbone's maps (B, C, h, w) -> everything."""
        raw, regions = self.head.all(features)
        embeddings = unit(raw)
        composed = None if self.composed is None else self.composed(features)
        return ModelOutput(embeddings, regions, self.values(embeddings), self.look(features), composed)
