"""AMC (Zhu et al., TOMM 2023): regions pass through routed cells that the sentence steers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 8


class Router(nn.Module):
    """Three weights in (0, 1), one a cell, from the mean of regions joined with the sentence."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * dim, hidden, bias=False), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, 3, bias=False)
        )

    def forward(self, joined: Tensor) -> Tensor:
        """(B, k, 2 d) -> (B, 3)."""
        return torch.sigmoid(self.mlp(joined.mean(dim=1)))


class Attention(nn.Module):
    """Multi-head self-attention without an output projection."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(dim, dim) for _ in range(3))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, k, d) -> (B, k, d)."""
        q, k, v = (linear(tokens).unflatten(-1, (HEADS, -1)).transpose(1, 2) for linear in self.linears)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class FeedForward(nn.Module):
    """d -> d / 2 -> d."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, dim // 2), nn.Linear(dim // 2, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., d) -> (..., d)."""
        return self.fc2(F.relu(self.fc1(tokens)))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Attention over normalised tokens, then a feed-forward part that is added; the attention itself is not."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.att_layer, self.feed_forward_layer = Attention(dim), FeedForward(dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, k, d) -> (B, k, d)."""
        seen = self.att_layer(self.norm1(tokens))
        return seen + self.feed_forward_layer(self.norm2(seen))  # type: ignore[no-any-return]


class CrossCell(nn.Module):
    """Regions joined with the sentence, then a transformer."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear, self.SA = nn.Linear(2 * dim, dim), Transformer(dim)

    def forward(self, joined: Tensor) -> Tensor:
        """(B, k, 2 d) -> (B, k, d)."""
        return self.SA(self.linear(joined))  # type: ignore[no-any-return]


class StyleCell(nn.Module):
    """Regions scaled and shifted as the sentence says."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc_gamma, self.fc_beta = nn.Sequential(nn.Linear(dim, dim)), nn.Sequential(nn.Linear(dim, dim))

    def forward(self, regions: Tensor, sentence: Tensor) -> Tensor:
        """(B, k, d), (B, d) -> (B, k, d)."""
        return regions * self.fc_gamma(sentence)[:, None] + self.fc_beta(sentence)[:, None]  # type: ignore[no-any-return]


class Layer(nn.Module):
    """The routed sum (not softmax) of three cells: leave alone, cross, style; each normalised without parameters."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.router, self.glo, self.sty = Router(dim, hidden), CrossCell(dim), StyleCell(dim)

    def forward(self, regions: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """(B, k, d), (B, d) -> (B, k, d) and the routes (B, 3)."""
        joined = torch.cat([regions, sentence[:, None].expand_as(regions)], dim=-1)
        routes = self.router(joined)
        cells = [regions, self.glo(joined), self.sty(regions, sentence)]
        mixed = [route[:, None, None] * F.layer_norm(c, c.shape[-1:]) for route, c in zip(routes.T, cells, strict=True)]
        return torch.stack(mixed).sum(dim=0), routes


class AMC(nn.Module):
    """Two such layers.

    Args:
        dim: d of regions and sentence, a multiple of 8. hidden: of the routers.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.dynamic_itr_l0, self.dynamic_itr_l1 = Layer(dim, hidden), Layer(dim, hidden)

    def forward(self, regions: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, k, d), (B, d) -> both layers (B, k, d), and their routes (B, 3)."""
        first, before = self.dynamic_itr_l0(regions, sentence)
        second, after = self.dynamic_itr_l1(first, sentence)
        return first, second, before, after
