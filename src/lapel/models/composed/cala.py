"""CaLa's twin attention compositor (Jiang et al., SIGIR 2024): what a reference and a target say about each other."""

from __future__ import annotations

from torch import Tensor, nn

ROUNDS = 4


class TwinAttention(nn.Module):
    """Two single-head attentions, each asked `ROUNDS` times with the same query over its own last answer."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reference_as_query_attention = nn.MultiheadAttention(dim, 1, batch_first=True)
        self.target_as_query_attention = nn.MultiheadAttention(dim, 1, batch_first=True)

    def forward(self, reference: Tensor, target: Tensor) -> Tensor:
        """Tokens (B, T, d) each -> (B, d): the mean of both answers' first tokens."""
        left = _asked_again(self.reference_as_query_attention, reference, target)
        right = _asked_again(self.target_as_query_attention, target, reference)
        return (left[:, 0] + right[:, 0]) / 2


def _asked_again(attention: nn.MultiheadAttention, query: Tensor, read: Tensor) -> Tensor:
    for _ in range(ROUNDS):
        read = attention(query, read, read, need_weights=False)[0]
    return read


class AttentionPooling(nn.Module):
    """N tokens -> one, by a softmax over N weights that one linear layer reads off all tokens side by side."""

    def __init__(self, dim: int, tokens: int) -> None:
        super().__init__()
        self.projection = nn.Linear(tokens * dim, tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, d) -> (B, d)."""
        weights = self.projection(tokens.flatten(1)).softmax(dim=-1)
        return (weights[..., None] * tokens).sum(dim=1)  # type: ignore[no-any-return]
