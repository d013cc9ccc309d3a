"""ARTEMIS (Delmas et al., ICLR 2022): score a target by the text, and by likeness in what the text talks about."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import unit


class Gate(nn.Module):
    """Which dimensions the text cares about: softmax over d."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.Softmax(dim=-1))

    def forward(self, text: Tensor) -> Tensor:
        """(..., d) -> (..., d), summing to 1."""
        return self.attention(text)  # type: ignore[no-any-return]


class Artemis(nn.Module):
    """Explicit matching (text against target) plus implicit similarity (reference against target)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.Transform_m = nn.Sequential(nn.Linear(dim, dim))
        self.Attention_EM = Gate(dim)
        self.Attention_IS = Gate(dim)
        self.temperature = nn.Parameter(torch.tensor([2.65926]))

    def forward(self, reference: Tensor, text: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """(B, d) each -> explicit matching and implicit similarity, (B,) each; the score is their sum."""
        explicit = (self._asked(text) * unit(self.Attention_EM(text) * target)).sum(dim=-1)
        gate = self.Attention_IS(text)
        implicit = (unit(gate * reference) * unit(gate * target)).sum(dim=-1)
        return explicit, implicit

    def scores(self, reference: Tensor, text: Tensor, target: Tensor) -> Tensor:
        """(Q, d), (Q, d), (N, d) -> (Q, N): every query against every target."""
        rows = []
        for asked, said in zip(reference, text, strict=True):
            explicit, implicit = self(asked.expand_as(target), said.expand_as(target), target)
            rows.append(explicit + implicit)
        return torch.stack(rows)

    def _asked(self, text: Tensor) -> Tensor:
        return unit(self.Transform_m(text))
