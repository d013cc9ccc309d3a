"""Composed-retrieval systems behind one interface, so that one table compares them.

All of them read frozen features: a reference's vector and its crops', a text's vector and its words', and give a query
in the space of `target`, which reads a gallery picture's vector and its crops'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lapel.errors import CheckpointError, UnknownName
from lapel.models.attribute_model import unit
from lapel.models.composed.combiner import Combiner
from lapel.models.composed.fashionern import FashionERN


class ComposedSystem(nn.Module, ABC):
    """Frozen features in, comparable vectors out. d is the width of all features.

    learns: it has weights. closely: it reads crops and word states; else both may come with no row at all.
    """

    learns = True
    closely = False

    @abstractmethod
    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """image, text (B, d); patches (B, P, d); words (B, T, d) -> (B, C), unit length."""

    def target(self, image: Tensor, patches: Tensor) -> Tensor:
        """image (B, d), patches (B, P, d) -> (B, C), unit length; here the picture's own vector."""
        return unit(image)


class ImageOnly(ComposedSystem):
    """The reference alone; the words are ignored."""

    learns = False

    def __init__(self, dim: int) -> None:
        super().__init__()

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        return unit(image)


class TextOnly(ComposedSystem):
    """The words alone; the reference is ignored."""

    learns = False

    def __init__(self, dim: int) -> None:
        super().__init__()

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        return unit(text)


class Sum(ComposedSystem):
    """Both unit vectors added."""

    learns = False

    def __init__(self, dim: int) -> None:
        super().__init__()

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        return unit(unit(image) + unit(text))


class TIRG(ComposedSystem):
    """Text image residual gating (Vo et al., CVPR 2019): the picture, gated by both, plus a residual from both.

    The two weights are learnt and start at 1 (gate) and 10 (residual) as in the authors' release.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        wide = 2 * dim
        self.gate = nn.Sequential(nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, dim))
        self.residual = nn.Sequential(
            nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, dim)
        )
        self.weights = nn.Parameter(torch.tensor([1.0, 10.0]))

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        both = torch.cat([image, text], dim=-1)
        kept = torch.sigmoid(self.gate(both)) * image
        return unit(self.weights[0] * kept + self.weights[1] * self.residual(both))


class CombinerSystem(ComposedSystem):
    """CLIP4Cir's Combiner over the two vectors, in the published proportions (4 and 8 times d)."""

    def __init__(self, dim: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.combiner = Combiner(dim, 4 * dim, 8 * dim, dropout)

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        return self.combiner(unit(image), unit(text))  # type: ignore[no-any-return]


class FashionERNSystem(ComposedSystem):
    """FashionERN's second stage; options as `FashionERN`.

    consistent: the gallery's vectors enter as in training (raw); else evaluation makes them unit first, as published.
    """

    closely = True

    def __init__(self, dim: int, consistent: bool = False, **options: Any) -> None:
        super().__init__()
        self.network, self.consistent = FashionERN(dim, **options), consistent

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        return self.network.query(image, patches, text, words)

    def target(self, image: Tensor, patches: Tensor) -> Tensor:
        """See `ComposedSystem`."""
        published = not (self.training or self.consistent)
        return self.network.target(unit(image) if published else image, patches)


SYSTEMS: dict[str, Callable[..., ComposedSystem]] = {
    "image": ImageOnly,
    "text": TextOnly,
    "sum": Sum,
    "tirg": TIRG,
    "combiner": CombinerSystem,
    "fashionern": FashionERNSystem,
}


def build_composed(system: str, dim: int, **options: Any) -> ComposedSystem:
    """A system over features of width `dim`.

    Raises:
        UnknownName: no such system.
        CheckpointError: an option that it does not take.
    """
    if system not in SYSTEMS:
        raise UnknownName("composed system", system, SYSTEMS)
    try:
        return SYSTEMS[system](dim, **options)
    except TypeError as error:
        raise CheckpointError(f"System '{system}' does not take these options: {error}.") from error
