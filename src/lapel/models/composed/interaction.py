"""FashionERN's interaction encoder: patches and words read each other in a small post-norm transformer.

Chen et al., AAAI 2024. The layout is BERT's (Devlin et al., 2019): learned positions, two token types, layer norm after
each residual sum, exact GELU. The released code builds it from a general library; here it is written out, without the
pooler that nothing reads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POSITIONS, INNER, EPSILON = 512, 3072, 1e-12
"""Rows of the position table; width of the feed-forward part, the same for every d; of the layer norms."""


class InteractionLayer(nn.Module):
    """One layer: self-attention over all tokens, then a feed-forward part; each is added, then normalised."""

    def __init__(self, dim: int, heads: int = 8, dropout: float = 0.1, inner: int = INNER) -> None:
        super().__init__()
        self.heads, self.rate = heads, dropout
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.out = nn.Linear(dim, dim)
        self.attention_norm = nn.LayerNorm(dim, eps=EPSILON)
        self.up, self.down = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm = nn.LayerNorm(dim, eps=EPSILON)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, T, d) -> (B, T, d); every token sees every other, or those alone where `seen` (B, T) is true."""
        q, k, v = (self._heads(part(tokens)) for part in (self.query, self.key, self.value))
        mask = None if seen is None else seen[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, mask, dropout_p=self.rate if self.training else 0.0)
        joined = mixed.transpose(1, 2).flatten(2)
        tokens = self.attention_norm(tokens + self.drop(self.out(joined)))
        return self.norm(tokens + self.drop(self.down(F.gelu(self.up(tokens)))))  # type: ignore[no-any-return]

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-any-return]


class InteractionEncoder(nn.Module):
    """[zero vector; patches; words] -> the same places, each aware of the others.

    The first token is a constant zero vector: the published code creates it as a parameter but, on a GPU, neither
    trains nor saves it. Every word position takes part, padding too (attention mask all ones), as published.

    Args:
        dim: d, the width of CLIP's joint space. layers: 2 as published. inner: of the feed-forward part.
    """

    def __init__(self, dim: int, layers: int = 2, heads: int = 8, dropout: float = 0.1, inner: int = INNER) -> None:
        super().__init__()
        self.positions = nn.Embedding(POSITIONS, dim)
        self.kinds = nn.Embedding(2, dim)
        self.norm = nn.LayerNorm(dim, eps=EPSILON)
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(InteractionLayer(dim, heads, dropout, inner) for _ in range(layers))
        self.apply(_small_start)

    def forward(self, patches: Tensor, words: Tensor) -> Tensor:
        """Patches (B, P, d) and words (B, T, d) -> (B, 1 + P + T, d).

        Runs in float32 even under autocast, as published.
        """
        with torch.autocast(patches.device.type, enabled=False):
            patches, words = patches.float(), words.float()
            blank = patches.new_zeros(len(patches), 1, patches.shape[-1])
            tokens = torch.cat([blank, patches, words], dim=1)
            first = 1 + patches.shape[1]
            kinds = torch.arange(tokens.shape[1], device=tokens.device).ge(first).long()
            tokens = tokens + self.kinds(kinds) + self.positions.weight[: tokens.shape[1]]
            tokens = self.drop(self.norm(tokens))
            for layer in self.layers:
                tokens = layer(tokens)
        return tokens  # type: ignore[no-any-return]


def _small_start(module: nn.Module) -> None:
    """BERT's start: normal with deviation 0.02, biases zero."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
