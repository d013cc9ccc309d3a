"""Which weights move, how fast, and what of that must be stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

PREFIX = "optimizer."


class Group(NamedTuple):
    """Weights that share a learning rate. name: as logs call it. rate: before any schedule."""

    name: str
    modules: Sequence[nn.Module]
    rate: float
    decay: float = 0.0


def build_optimizer(groups: Sequence[Group], weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Adam, or AdamW with weight decay, over groups in their order; frozen weights, and empty groups, are left out.

    Each group carries its `base`, the rate that `set_rate` scales.
    """
    described: list[dict[str, Any]] = []
    for name, modules, rate, decay in groups:
        if weights := [p for module in modules for p in module.parameters() if p.requires_grad]:
            described.append({"name": name, "params": weights, "lr": rate, "base": rate, "weight_decay": decay})
    return torch.optim.AdamW(described) if weight_decay else torch.optim.Adam(described)


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Each group's learning rate becomes its base times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * factor


def pack(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's running averages as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{PREFIX}{n}.{key}": value for n, kept in state.items() for key, value in kept.items()}


def unpack(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give the optimizer back what `pack` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(PREFIX):
            number, key = name.removeprefix(PREFIX).split(".")
            state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
