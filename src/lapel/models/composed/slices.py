"""Batches larger than memory: a part of a network that treats rows alone runs slice by slice, and runs again later.

In-batch negatives need all rows' vectors at once, but not all rows' inner activations: these are dropped after the
forward pass and computed again, slice by slice, when gradients are due (gradient caching; Gao et al., RepL4NLP 2021).
What looks across rows (batch norm, the loss) stays outside of `call`, so gradients are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_slices(call: Callable[..., tuple[Tensor, ...]], size: int, *inputs: Tensor) -> tuple[Tensor, ...]:
    """`call(*inputs)`, with at most `size` rows' activations in memory; 0: all at once.

    Args:
        call: maps rows to rows, each row by itself. Dropout draws the same numbers both times, but other ones than a
            single pass over all rows would.
    """
    if not 0 < size < len(inputs[0]) or not torch.is_grad_enabled():
        return call(*inputs)
    starts = range(0, len(inputs[0]), size)
    parts = [checkpoint(call, *(x[at : at + size] for x in inputs), use_reentrant=False) for at in starts]
    return tuple(torch.cat(rows) for rows in zip(*parts, strict=True))
