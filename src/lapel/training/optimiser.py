"""Which weights move, how fast, and what of that must be stored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lapel.models.attribute_model import AttributeModel
from lapel.training.recipe import Loss, Optimiser

PREFIX = "optimizer."


def build_optimizer(
    model: AttributeModel, criterion: nn.Module, recipe: Optimiser, loss: Loss
) -> torch.optim.Optimizer:
    """Adam (AdamW with weight decay) over up to three groups: backbone, head, and the loss's own weights.

    Each group carries its `base`, the rate that `set_rate` scales.
    """
    backbone_rate = recipe.lr if recipe.backbone_lr is None else recipe.backbone_lr
    groups = [
        ("backbone", model.backbone, backbone_rate, recipe.weight_decay),
        ("head", model.head, recipe.lr, recipe.weight_decay),
        ("loss", criterion, recipe.lr * loss.proxy_lr, 0.0),
    ]
    described: list[dict[str, Any]] = []
    for name, module, rate, decay in groups:
        if weights := [p for p in module.parameters() if p.requires_grad]:
            described.append({"name": name, "params": weights, "lr": rate, "base": rate, "weight_decay": decay})
    return torch.optim.AdamW(described) if recipe.weight_decay else torch.optim.Adam(described)


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
