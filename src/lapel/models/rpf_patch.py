"""RPF's patch-aware branch: a ViT over the crop, asked by the attribute through one cross-attention."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.errors import InputError
from lapel.models.rpf_region import NORM_EPSILON, Mlp

STD = 0.02


@dataclass(frozen=True)
class PatchSize:
    """How large a patch branch is; the defaults are the published ViT-B/16 at 224 pixels.

    side: of the square crop, in pixels. patch: of a patch. width, layers, heads, mlp: of the ViT.
    attribute: width of the attribute embedding. dim: D. reduction: D over the width of the last MLP.
    dropout: after the position table and in every MLP, while training; attention has none.
    """

    side: int = 224
    patch: int = 16
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp: int = 3072
    attribute: int = 512
    dim: int = 1024
    reduction: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.side % self.patch or self.width % self.heads:
            raise InputError(
                f"A crop of {self.side} pixels must be whole patches of {self.patch}, and a width of {self.width} must "
                f"divide into {self.heads} heads."
            )

    @property
    def tokens(self) -> int:
        """Patches of a crop."""
        return (self.side // self.patch) ** 2

    def to_dict(self) -> dict[str, Any]:
        """For a card."""
        return asdict(self)


SMALL = {"side": 112, "width": 192, "layers": 4, "heads": 3, "mlp": 768}
"""The patch branch of our `rpf` recipes for small data: 49 patches of a 112-pixel crop, 4 layers, 2.2 M weights."""


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, asking: Tensor, tokens: Tensor) -> Tensor:
        """asking (B, Q, W), tokens (B, T, W) -> (B, Q, W)."""
        parts = (self.query(asking), self.key(tokens), self.value(tokens))
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _Block(nn.Module):
    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(size.width, eps=NORM_EPSILON)
        self.ffn_norm = nn.LayerNorm(size.width, eps=NORM_EPSILON)
        self.ffn = Mlp(size.width, size.mlp, size.dropout, nn.GELU())
        self.attn = _Attention(size.width, size.heads)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.attention_norm(x)
        x = x + self.attn(normed, normed)
        return x + self.ffn(self.ffn_norm(x))  # type: ignore[no-any-return]


class _Embeddings(nn.Module):
    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.position_embeddings = nn.Parameter(torch.zeros(1, size.tokens + 1, size.width))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.patch_embeddings = nn.Conv2d(3, size.width, size.patch, stride=size.patch)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, crops: Tensor) -> Tensor:
        patches = self.patch_embeddings(crops).flatten(2).transpose(1, 2)
        cls = self.cls_token.to(patches.dtype).expand(patches.shape[0], -1, -1)  # len() would be a constant in ONNX
        return self.dropout(torch.cat([cls, patches], dim=1) + self.position_embeddings)  # type: ignore[no-any-return]


class _Encoder(nn.Module):
    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Block(size) for _ in range(size.layers))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.layer:
            x = block(x)
        return x


class _CrossEncoder(nn.Module):
    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.cross_attention_norm = nn.LayerNorm(size.width, eps=NORM_EPSILON)
        self.cross_attn = _Attention(size.width, size.heads)
        self.fc = nn.Linear(size.width, size.dim)
        self.ffn = Mlp(size.dim, size.dim // size.reduction, size.dropout, nn.GELU())
        self.ffn_norm = nn.LayerNorm(size.dim, eps=NORM_EPSILON)

    def forward(self, asking: Tensor, tokens: Tensor) -> Tensor:
        norm = self.cross_attention_norm
        y = self.fc(self.cross_attn(norm(asking), norm(tokens)))
        return y + self.ffn(self.ffn_norm(y))  # type: ignore[no-any-return]


class PatchBranch(nn.Module):
    """The patch branch of RPF (Dong et al., SIGIR 2023, arXiv:2305.10260), from its code; names as in its files.

        tokens = blocks([cls; patches] + positions) + type_embed[1], cls left out
        q = attr2query(E[a]) + type_embed[0]
        y = fc(attention(LN_c q, LN_c tokens))          out = LN(y + mlp(LN_f y))

    E is the region branch's attribute table, so it is an argument here. Kept as published: the encoder has no final
    norm, the cls token is learned but never read, the cross-attention has no residual.

    Args:
        size: see `PatchSize`.
    """

    def __init__(self, size: PatchSize | None = None) -> None:
        super().__init__()
        size = size or PatchSize()
        self.size, self.dim = size, size.dim
        self.type_embed = nn.Parameter(torch.zeros(1, 2, size.width))
        self.embeddings = _Embeddings(size)
        self.encoder = _Encoder(size)
        self.crossencoder = _CrossEncoder(size)
        self.norm = nn.LayerNorm(size.dim, eps=NORM_EPSILON)
        self.attr2query = nn.Linear(size.attribute, size.width)
        nn.init.trunc_normal_(self.type_embed, std=STD)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=STD)
                nn.init.zeros_(module.bias)

    @property
    def stages(self) -> list[nn.Module]:
        """Parts from the crop upwards: what a trainer freezes first."""
        return [self.embeddings, *self.encoder.layer]

    def tokens(self, crops: Tensor) -> Tensor:
        """Crops (B, 3, side, side) -> (B, 1 + patches, width), the last block's output, cls first."""
        return self.encoder(self.embeddings(crops))  # type: ignore[no-any-return]

    def forward(self, crops: Tensor, asked: Tensor) -> Tensor:
        """Crops (B, 3, side, side), attribute embeddings (B, attribute) -> (B, D) before L2 normalisation."""
        tokens = self.tokens(crops)[:, 1:] + self.type_embed[:, 1:]
        asking = self.attr2query(asked)[:, None] + self.type_embed[:, :1]
        return self.norm(self.crossencoder(asking, tokens))[:, 0]  # type: ignore[no-any-return]
