"""A small text encoder: fixed word vectors in 8 bits, two thin transformer layers, attention pooling. Ours.

The word vectors are a larger encoder's, one for each token, so words that no caption taught keep their neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lapel.models.composed.interaction import InteractionLayer

LONGEST = 32
"""Tokens of a text; what follows is not read."""

PLACES = 16
"""Word states that are given out; FashionERN wants at least as many as picture regions."""

NEVER = -1e4


class LightText(nn.Module):
    """Token numbers -> a text vector and word states. Padding (0) is never looked at, whatever its length.

    Args:
        tokens, width: of the word table, which stays as it was made (`set_table`).
        dim: d of both outputs. layers, heads, dropout: of the transformer; its inner width is 2 d.
    """

    table: Tensor
    steps: Tensor

    def __init__(
        self, tokens: int, width: int, dim: int, layers: int = 2, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(tokens, width, dtype=torch.int8))
        self.register_buffer("steps", torch.zeros(tokens, 1))
        self.enter = nn.Linear(width, dim)
        self.positions = nn.Parameter(torch.randn(LONGEST, dim) * 0.02)
        self.layers = nn.ModuleList(InteractionLayer(dim, heads, dropout, 2 * dim) for _ in range(layers))
        self.weight = nn.Linear(dim, 1)
        self.leave = nn.Linear(dim, dim)

    def set_table(self, vectors: Tensor) -> None:
        """Keep word vectors (tokens, width), rounded to 255 steps of each row's own range."""
        steps = vectors.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / 127
        self.steps.copy_(steps)
        self.table.copy_((vectors / steps).round().to(torch.int8))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) int64, T <= `LONGEST` -> text (B, d), words (B, `PLACES`, d), zero where no word stands."""
        said = tokens != 0
        # A text without a known sign still has one place to look at.
        seen = torch.cat([torch.ones_like(said[:, :1]), said[:, 1:]], dim=1)
        x = self.table[tokens].to(self.steps.dtype) * self.steps[tokens]
        x = self.enter(x) + self.positions[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, seen)
        share = self.weight(x).squeeze(-1).masked_fill(~seen, NEVER).softmax(dim=1)
        text = self.leave((share[..., None] * x).sum(dim=1))
        return text, x * said[..., None]

    @staticmethod
    def places(words: Tensor) -> Tensor:
        """Word states (B, T, d) cut or filled with zeros to (B, `PLACES`, d)."""
        missing = PLACES - words.shape[1]
        return nn.functional.pad(words, (0, 0, 0, missing)) if missing > 0 else words[:, :PLACES]


def reduced(vectors: Tensor, width: int) -> Tensor:
    """A word table on its `width` principal axes, frequent words made smaller; row order is by frequency.

    Rows become unit vectors times 0.3 + a / (a + p), p a Zipf estimate of a token's frequency from its rank: the
    weights of Arora et al. (ICLR 2017) with a floor, because here "in" and "for" carry meaning too.
    """
    centred = vectors - vectors.mean(dim=0)
    # eigh of a small covariance, not an svd of the whole table: seconds instead of minutes
    _, axes = torch.linalg.eigh(centred.T.double() @ centred.double())
    axes = axes.flip(1)[:, :width].float()
    axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    found = nn.functional.normalize(centred @ axes, dim=1)
    rank = torch.arange(len(found), dtype=torch.float32)
    often = 1 / ((rank + 2.7) * torch.log(torch.tensor(float(max(len(found), 3)))))
    return found * (0.3 + 1e-3 / (1e-3 + often))[:, None]
