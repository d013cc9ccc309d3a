"""CompoDiff's denoiser (Gu et al., TMLR 2024): a diffusion prior that reads text, picture and mask.

A transformer over two tokens, the noisy picture vector and the time step; its layers follow the diffusion prior of
unCLIP (Ramesh et al., 2022): one shared key/value head, rotary positions, cosine attention at a fixed scale, a learnt
null key, relative position biases, cross-attention to the conditions, SwiGLU.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEXT, MASK = 1280, 64
"""Width of the text tokens (OpenCLIP bigG); side of the mask."""
COSINE_SCALE = 16.0
BUCKETS, FARTHEST = 32, 128
CROSS_HEADS = 8
"""The published cross-attention ignores the number of heads it is given."""


class Gain(nn.Module):
    """Layer norm with a gain and no bias.

    stable: divide by the greatest entry first, as the published code does before its last layer (it matters through
    the norm's epsilon alone).
    """

    def __init__(self, dim: int, stable: bool = False) -> None:
        super().__init__()
        self.g, self.stable = nn.Parameter(torch.ones(dim)), stable

    def forward(self, x: Tensor) -> Tensor:
        """(..., d) -> (..., d)."""
        if self.stable:
            x = x / x.amax(dim=-1, keepdim=True).detach()
        return F.layer_norm(x, x.shape[-1:], self.g)


class Rotary(nn.Module):
    """Turns neighbouring pairs of the first dimensions by position."""

    freqs: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(10000.0 ** -(torch.arange(0, dim, 2).float() / dim), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., T, D) -> the same shape."""
        angles = torch.arange(x.shape[-2], device=x.device)[:, None] * self.freqs
        cos, sin = angles.cos(), angles.sin()
        turned, rest = x.split([2 * len(self.freqs), x.shape[-1] - 2 * len(self.freqs)], dim=-1)
        even, odd = turned[..., ::2], turned[..., 1::2]
        pairs = torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1)
        return torch.cat([pairs.flatten(-2), rest], dim=-1)


class PositionBias(nn.Module):
    """A learnt number a head for how far back the key lies, in buckets that widen with distance (T5)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.relative_attention_bias = nn.Embedding(BUCKETS, heads)

    def forward(self, queries: int, keys: int) -> Tensor:
        """-> (heads, queries, keys)."""
        device = self.relative_attention_bias.weight.device
        back = (torch.arange(queries, device=device)[:, None] - torch.arange(keys, device=device)).clamp(min=0)
        half = BUCKETS // 2
        far = half + (torch.log(back.clamp(min=1) / half) / math.log(FARTHEST / half) * half).long()
        bucket = torch.where(back < half, back, far.clamp(max=BUCKETS - 1))
        return self.relative_attention_bias(bucket).permute(2, 0, 1)  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Many query heads over one key/value head, with a null key in front."""

    def __init__(self, dim: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.null_kv = nn.Parameter(torch.randn(2, width))
        self.norm = Gain(dim)
        self.to_q = nn.Linear(dim, heads * width, bias=False)
        self.to_kv = nn.Linear(dim, 2 * width, bias=False)
        self.rotary_emb = Rotary(min(32, width))
        self.to_out = nn.Sequential(nn.Linear(heads * width, dim, bias=False), Gain(dim))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(B, T, d), (heads, T, T + 1) -> (B, T, d)."""
        x = self.norm(x)
        q = self.to_q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.to_kv(x).chunk(2, dim=-1)
        q, k = self.rotary_emb(q), self.rotary_emb(k)
        null_k, null_v = (part.expand(len(x), 1, -1) for part in self.null_kv)
        k, v = torch.cat([null_k, k], dim=1)[:, None], torch.cat([null_v, v], dim=1)[:, None]
        scores = COSINE_SCALE * F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2) + bias
        return self.to_out((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class CrossAttention(nn.Module):
    """Tokens read the conditions; a null key in front."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        inner = CROSS_HEADS * width
        self.null_kv = nn.Parameter(torch.randn(2, width))
        self.norm = Gain(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, dim, bias=False), Gain(dim))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T, d), (B, C, d) -> (B, T, d)."""
        parts = (self.to_q(self.norm(x)), *self.to_kv(context).chunk(2, dim=-1))
        q, k, v = (part.unflatten(-1, (CROSS_HEADS, -1)).transpose(1, 2) for part in parts)
        null_k, null_v = (part.expand(len(x), CROSS_HEADS, 1, -1) for part in self.null_kv)
        k, v = torch.cat([null_k, k], dim=2), torch.cat([null_v, v], dim=2)
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class SwiGLU(nn.Module):
    """Half of the channels, gated by the other half."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., 2 d) -> (..., d)."""
        value, gate = x.chunk(2, dim=-1)
        return value * F.silu(gate)


class CompoDiff(nn.Module):
    """Noisy picture vector and conditions -> the clean vector.

    Args:
        dim: d. steps: of the diffusion. depth: layers. width: of a head.
    """

    def __init__(self, dim: int, steps: int = 1000, depth: int = 12, width: int = 64, heads: int = 16) -> None:
        super().__init__()
        self.to_text_embeds = nn.Sequential(nn.Linear(TEXT, dim))
        self.to_time_embeds = nn.Sequential(nn.Embedding(steps, dim))
        hidden = 2 * dim
        net = nn.Sequential(
            nn.Sequential(nn.Linear(MASK * MASK, hidden), nn.SiLU()),
            nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU()),
            nn.Linear(hidden, dim),
        )
        self.to_mask_embeds = nn.Sequential(nn.Flatten(1), nn.ModuleDict({"net": net}))
        self.transformer = nn.ModuleDict(
            {
                "rel_pos_bias": PositionBias(heads),
                "layers": nn.ModuleList(self._layer(dim, heads, width) for _ in range(depth)),
                "norm": Gain(dim, stable=True),
                "project_out": nn.Linear(dim, dim, bias=False),
            }
        )

    @staticmethod
    def _layer(dim: int, heads: int, width: int) -> nn.ModuleList:
        # Places 3 and 4 keep the published numbering of the last weight.
        forward = nn.Sequential(
            Gain(dim),
            nn.Linear(dim, 8 * dim, bias=False),
            SwiGLU(),
            nn.Identity(),
            nn.Identity(),
            nn.Linear(4 * dim, dim, bias=False),
        )
        return nn.ModuleList([SelfAttention(dim, heads, width), CrossAttention(dim, width), forward])

    def forward(self, noisy: Tensor, step: Tensor, image: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """Noisy (B, 1, d), step (B,), image (B, N, d), text (B, T, 1280), mask (B, 64, 64) -> (B, 1, d)."""
        seen = self.to_mask_embeds[1]["net"](mask.flatten(1))[:, None]  # type: ignore[index]
        context = torch.cat([self.to_text_embeds(text), image, seen], dim=1)
        x = torch.cat([noisy, self.to_time_embeds(step)[:, None]], dim=1)
        bias = self.transformer["rel_pos_bias"](x.shape[1], x.shape[1] + 1)
        layers = self.transformer["layers"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            attend, cross, forward = cast(nn.ModuleList, layer)
            x = x + attend(x, bias)
            x = x + cross(x, context)
            x = x + forward(x)
        return self.transformer["project_out"](self.transformer["norm"](x))[:, :1]  # type: ignore[no-any-return]

    def guided(
        self,
        noisy: Tensor,
        step: Tensor,
        image: Tensor,
        text: Tensor,
        no_text: Tensor,
        mask: Tensor,
        scales: tuple[float, float],
    ) -> Tensor:
        """Classifier-free guidance: (picture, text) scales over three passes; see `forward` for shapes.

        no_text: the tokens of the empty text. The pass without a picture keeps the mask, as published.
        """
        full = self(noisy, step, image, text, mask)
        picture = self(noisy, step, image, no_text, mask)
        none = self(noisy, step, torch.zeros_like(image), no_text, mask)
        return none + scales[0] * (picture - none) + scales[1] * (full - picture)  # type: ignore[no-any-return]
