"""Triple-branch Modifier Enhancement: a CLIP text tower that reads the reference picture while it reads the change.

Chen et al., AAAI 2024, publish a figure of it and withhold the code. From the figure: in each text layer the modifier's
tokens feed three branches whose results are added: *conventional* (CLIP's own layer), *reference injection*
(cross-attention to the reference's features, then a feed-forward part) and *target alignment* (self-attention, then a
feed-forward part, drawn to the target picture's vector while training). Everything else is **our choice**:

- both extra branches enter through a gate, one number a layer and branch, that starts at 0: an untrained tower is CLIP;
- layer norms stand before attention and before the feed-forward part, as in CLIP's own layers;
- the injection reads 13 patch vectors of the joint space; the alignment branch keeps the causal mask;
- which layers have branches is an option (all), no weights are shared, CLIP's own weights stay frozen;
- the loss: see `lapel.losses.modifier_enhancement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lapel.errors import ShapeError
from lapel.models.composed.clip import ClipTowers

INJECT, ALIGN = "inject", "align"
BRANCHES = (INJECT, ALIGN)


class Enhanced(NamedTuple):
    """vector: (B, d). words: (B, 77, d). aligned: (B, d), the alignment branch's own reading; None without it."""

    vector: Tensor
    words: Tensor
    aligned: Tensor | None


def feed_forward(width: int) -> nn.Sequential:
    """width -> 4 width -> width."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Injection(nn.Module):
    """Cross-attention from the words to the reference's patches; feed-forward. No residual around the second part."""

    def __init__(self, width: int, visual: int, heads: int) -> None:
        super().__init__()
        self.norm, self.forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, kdim=visual, vdim=visual, batch_first=True)
        self.mlp = feed_forward(width)

    def forward(self, words: Tensor, patches: Tensor) -> Tensor:
        """(B, T, width), (B, P, visual) -> (B, T, width)."""
        seen = words + self.attention(self.norm(words), patches, patches, need_weights=False)[0]
        return self.mlp(self.forward_norm(seen))  # type: ignore[no-any-return]


class Alignment(nn.Module):
    """Causal self-attention; feed-forward. No residual around the second part."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm, self.forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = feed_forward(width)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width), (T, T) additive -> (B, T, width)."""
        x = self.norm(words)
        seen = words + self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]
        return self.mlp(self.forward_norm(seen))  # type: ignore[no-any-return]


class EnhancedText(nn.Module):
    """A drop-in for open_clip's text tower.

    Args:
        towers: frozen CLIP; its weights are used, not copied.
        branches: "inject", "align", both or none.
        layers: numbers of the text layers that have branches, from 0; None is all of them.
        visual: width of the patch vectors; None is the joint space's d.
    """

    def __init__(
        self,
        towers: ClipTowers,
        branches: Sequence[str] = BRANCHES,
        layers: Sequence[int] | None = None,
        visual: int | None = None,
    ) -> None:
        super().__init__()
        # In a tuple, so that CLIP is neither saved nor counted among this module's weights.
        self._towers = (towers,)
        clip = towers.clip
        width, heads = clip.token_embedding.embedding_dim, clip.transformer.resblocks[0].attn.num_heads
        depth = len(clip.transformer.resblocks)
        self.layers = tuple(range(depth)) if layers is None else tuple(layers)
        unknown = [repr(b) for b in branches if b not in BRANCHES] + [f"{n}" for n in self.layers if n >= depth]
        if unknown:
            raise ShapeError(f"There is no branch or layer {unknown[0]}: branches {BRANCHES}, layers 0 to {depth - 1}.")
        self.injections = nn.ModuleDict()
        self.alignments = nn.ModuleDict()
        for number in map(str, self.layers):
            if INJECT in branches:
                self.injections[number] = Injection(width, visual or towers.dim, heads)
            if ALIGN in branches:
                self.alignments[number] = Alignment(width, heads)
        self.inject_gates = nn.Parameter(torch.zeros(depth))
        self.align_gates = nn.Parameter(torch.zeros(depth))

    @property
    def towers(self) -> ClipTowers:
        """The CLIP beneath."""
        return self._towers[0]

    def forward(self, tokens: Tensor, patches: Tensor) -> Enhanced:
        """Tokens (B, 77) int64 and the reference's patches (B, P, visual) -> the modifier, enhanced."""
        clip = self.towers.clip
        mask = clip.attn_mask[: tokens.shape[1], : tokens.shape[1]]
        states = clip.token_embedding(tokens) + clip.positional_embedding[: tokens.shape[1]]
        aligned = None
        for number, block in enumerate(clip.transformer.resblocks):
            following = block(states, attn_mask=mask)
            if (key := str(number)) in self.injections:
                following = following + self.inject_gates[number] * self.injections[key](states, patches)
            if key in self.alignments:
                aligned = self.alignments[key](states, mask)
                following = following + self.align_gates[number] * aligned
            states = following
        vector, words = self._project(tokens, states)
        return Enhanced(vector, words, None if aligned is None else self._project(tokens, aligned)[0])

    def encode_text(self, tokens: Tensor, visual_emb: Tensor, mode: str = "global") -> tuple[Tensor, Tensor] | Tensor:
        """As FashionERN's code calls it: patches as (P, B, visual); "seq" gives the word states (B, 77, d) alone."""
        found = self(tokens, visual_emb.transpose(0, 1))
        return found.words if mode == "seq" else (found.vector, found.words)

    def _project(self, tokens: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        clip = self.towers.clip
        words = clip.ln_final(states) @ clip.text_projection
        return words[torch.arange(len(words), device=words.device), tokens.argmax(dim=-1)], words
