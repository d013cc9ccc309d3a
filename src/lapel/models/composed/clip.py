"""CLIP's two towers through open_clip: picture vectors, text vectors, and the states of every word."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

CONTEXT = 77


class ClipTowers(nn.Module):
    """A frozen CLIP whose text tower also gives all word states.

    Chen et al. use a changed text tower that they withhold; this is the plain stand-in: word states are the final
    layer norm's output at all 77 places, projected to the joint space.

    Args:
        clip: a model of open_clip (`open_clip.create_model(...)`), whose text tower is a plain transformer.
    """

    def __init__(self, clip: nn.Module) -> None:
        super().__init__()
        self.clip: Any = clip.eval().requires_grad_(False)

    @property
    def dim(self) -> int:
        """d of the joint space."""
        return int(self.clip.text_projection.shape[1])

    def images(self, pixels: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, d), not normalised."""
        return self.clip.encode_image(pixels)  # type: ignore[no-any-return]

    def texts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 77) int64 -> text vectors (B, d), not normalised, and word states (B, 77, d)."""
        clip = self.clip
        states = clip.token_embedding(tokens) + clip.positional_embedding[: tokens.shape[1]]
        states = clip.transformer(states, attn_mask=clip.attn_mask)
        words = clip.ln_final(states) @ clip.text_projection
        ends = tokens.argmax(dim=-1)  # the end-of-text token has the greatest number
        return words[torch.arange(len(words), device=words.device), ends], words
