"""Which photos of a batch share a value of an attribute, read from partial, multi-valued labels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lapel.errors import ShapeError


def relations(labels: Tensor, sizes: tuple[int, ...]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each attribute k: (k, positive (B, B), negative (B, B)), both bool, row = anchor.

    positive: another photo that shares a value. negative: both labels known, no value shared. A photo whose label
    is unknown (an all-false slice) is neither, towards anyone.

    Args:
        labels: (B, V) bool. sizes: values of each attribute; they sum to V.

    Raises:
        ShapeError: the sizes do not sum to V.
    """
    if sum(sizes) != labels.shape[1]:
        raise ShapeError(f"labels have {labels.shape[1]} columns, the attributes {sum(sizes)} values in all.")
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    for k, held in enumerate(labels.split(sizes, dim=1)):
        known = held.any(dim=1)
        shared = (held.float() @ held.float().T) > 0
        yield k, shared & ~itself, ~shared & known & known[:, None]
