"""DQU-CIR's head (Wen et al., SIGIR 2024): text against a picture with the words written on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import unit


class DQUHead(nn.Module):
    """A weight between the two unit vectors, chosen by both; the scale of its loss is learnt, from 10."""

    def __init__(self, dim: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.combiner_fc = nn.Sequential(nn.Linear(2 * dim, dim), nn.ReLU())
        self.scaler_fc = nn.Sequential(
            nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, 1), nn.Sigmoid()
        )
        self.drop = nn.Dropout(dropout)
        self.loss_weight = nn.Parameter(torch.tensor([10.0]))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, d) each -> (B, d), unit length."""
        said, seen = unit(text), unit(image)
        weight = self.scaler_fc(self.drop(self.combiner_fc(torch.cat([said, seen], dim=-1))))
        return unit(weight * said + (1 - weight) * seen)
