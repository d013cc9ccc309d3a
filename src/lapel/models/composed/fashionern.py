"""FashionERN's second stage: a reference seen through the change, and a gallery picture, in one space.

Chen et al., "FashionERN: Enhance-and-Refine Network for Composed Fashion Image Retrieval", AAAI 2024. Dual-guided
Vision Refinement: the modifier picks what of the reference to look at (MR), the reference picks what of itself matters
(SR); combiners weigh picture against words, globally and locally. CLIP stays frozen, so the input is its features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.errors import ShapeError
from lapel.models.attribute_model import unit
from lapel.models.composed.interaction import INNER, InteractionEncoder
from lapel.models.composed.slices import in_slices

PATCHES = 13
"""2 x 2 and 3 x 3 crops of a picture; batch norm and the refinement are sized by it."""

EPSILON = 1e-8


class QueryParts(NamedTuple):
    """What `FashionERN.query_parts` computes on the way; all but `hidden` and `modifier_refined` are (B, d)."""

    hidden: Tensor
    modifier_refined: Tensor
    self_refined: Tensor
    text_mean: Tensor
    global_mix: Tensor
    local_mix: Tensor
    query: Tensor


class DynamicCombiner(nn.Module):
    """A weight between a picture's vector and a text's, chosen by both; the sum is of unit length.

    Args:
        dim: d. dropout: of the two projections and of the scalar's hidden layer (0.5 as published).
    """

    def __init__(self, dim: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.text = nn.Linear(dim, 4 * dim)
        self.image = nn.Linear(dim, 4 * dim)
        self.hidden = nn.Linear(8 * dim, 8 * dim)
        self.scalar = nn.Linear(8 * dim, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, d) each -> (B, d), unit length."""
        both = torch.cat([self.drop(F.relu(self.text(text))), self.drop(F.relu(self.image(image)))], dim=-1)
        weight = torch.sigmoid(self.scalar(self.drop(F.relu(self.hidden(both)))))
        return unit(weight * text + (1 - weight) * image)


class SelfGuided(nn.Module):
    """Self-guided refinement: patches weighed by their agreement with their own mean; a unit vector.

    Batch norm of the local part has one channel a *patch place*, over batch and features, as published.
    """

    def __init__(self, dim: int, patches: int = PATCHES, dropout: float = 0.5) -> None:
        super().__init__()
        self.local = nn.Linear(dim, dim)
        self.local_norm = nn.BatchNorm1d(patches)
        self.overall = nn.Linear(dim, dim)
        self.overall_norm = nn.BatchNorm1d(dim)
        self.common = nn.Linear(dim, 1)
        self.drop = nn.Dropout(dropout)
        for layer in (self.local, self.overall, self.common):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """(B, P, d) -> (B, d)."""
        local = self.drop(torch.tanh(self.local_norm(self.local(patches))))
        overall = self.drop(torch.tanh(self.overall_norm(self.overall(patches.mean(dim=1)))))
        weights = self.common(local * overall[:, None]).softmax(dim=1)
        mixed = (weights * patches).sum(dim=1)
        return mixed / (mixed.norm(dim=-1, keepdim=True) + EPSILON)  # type: ignore[no-any-return]


class FashionERN(nn.Module):
    """The whole second stage.

    Args:
        dim: d, CLIP's joint width (640 for RN50x4, 512 for ViT-B/16).
        patches: P, crops a picture.
        dropout: None keeps the published rates (0.5 in combiners and SR, 0.1 in encoder and MR); a number replaces all.
        layers, heads, inner: of the interaction encoder.
        at_once: rows whose inner activations are in memory at a time while training; 0: all (`in_slices`).
    """

    def __init__(
        self,
        dim: int,
        patches: int = PATCHES,
        dropout: float | None = None,
        layers: int = 2,
        heads: int = 8,
        inner: int = INNER,
        at_once: int = 0,
    ) -> None:
        super().__init__()
        strong, weak = (0.5, 0.1) if dropout is None else (dropout, dropout)
        self.dim, self.patches, self.at_once = dim, patches, at_once
        self.interaction = InteractionEncoder(dim, layers, heads, weak, inner)
        self.modifier_guided = nn.MultiheadAttention(dim, heads, weak, batch_first=True)
        self.self_guided = SelfGuided(dim, patches, strong)
        self.global_combiner = DynamicCombiner(dim, strong)
        self.local_combiner = DynamicCombiner(dim, strong)
        self.combiner = DynamicCombiner(dim, strong)
        self.target_guided = SelfGuided(dim, patches, strong)
        self.target_combiner = DynamicCombiner(dim, strong)

    def query(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """A reference and its change -> (B, d), unit length.

        Args:
            image, text: (B, d) CLIP vectors as they come, not normalised.
            patches: (B, P, d) CLIP vectors of the crops. words: (B, T, d) CLIP's word states.
        """
        refined, mean = in_slices(lambda *rows: self._read(*rows)[1:], self.at_once, patches, words)
        return self._combine(image, text, refined, mean)[-1]

    def query_parts(self, image: Tensor, patches: Tensor, text: Tensor, words: Tensor) -> QueryParts:
        """`query` with everything on the way.

        Raises:
            ShapeError: fewer word places than patches; the published network keeps one word place for each patch.
        """
        hidden, refined, mean = self._read(patches, words)
        local, global_mix, local_mix, query = self._combine(image, text, refined, mean)
        return QueryParts(hidden, refined, local, mean, global_mix, local_mix, query)

    def _read(self, patches: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What each row gives by itself: hidden states, the refined patches, the words' mean."""
        if words.shape[1] < self.patches:
            raise ShapeError(
                f"{words.shape[1]} word places for {self.patches} patches; pad them to {self.patches} or more."
            )
        hidden = self.interaction(patches, words)
        seen, said = unit(hidden[:, 1 : 1 + self.patches]), unit(hidden[:, 1 + self.patches :])
        # As published, the rows that are kept are the first P *word* positions of the attention's output.
        refined = self.modifier_guided(said, seen, seen, need_weights=False)[0][:, : self.patches]
        return hidden, refined, said.mean(dim=1)

    def _combine(self, image: Tensor, text: Tensor, refined: Tensor, mean: Tensor) -> tuple[Tensor, ...]:
        """What looks across rows (batch norm): local vector, both mixes, the query."""
        local = self.self_guided(refined)
        global_mix, local_mix = self.global_combiner(image, text), self.local_combiner(local, mean)
        return local, global_mix, local_mix, self.combiner(global_mix, local_mix)

    def target(self, image: Tensor, patches: Tensor) -> Tensor:
        """A gallery picture: CLIP vector (B, d) and crops (B, P, d) -> (B, d), unit length.

        Training gives the raw CLIP vector; the published evaluation normalises it first (see
        `lapel.evaluation.composed`), which changes the combiner's weight.
        """
        return self.target_combiner(image, self.target_guided(patches))  # type: ignore[no-any-return]
