"""Which parts stay as they are while the rest learns."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lapel.errors import InputError


def frozen_parts(backbone: nn.Module, freeze: int | Literal["all"], key: str = "model.freeze") -> list[nn.Module]:
    """The backbone's first `freeze` stages, or all of it. key: of the recipe, for the sentence.

    Raises:
        InputError: more stages than the backbone has.
    """
    if freeze == "all":
        return [backbone]
    stages: list[nn.Module] = list(getattr(backbone, "stages", ()))
    if not 0 <= freeze <= len(stages):
        raise InputError(f"{key} is {freeze}; this backbone has {len(stages)} stages. Give 0 to {len(stages)}, or all.")
    return stages[:freeze]


def hold_still(parts: list[nn.Module]) -> None:
    """No gradient for these parts."""
    for part in parts:
        part.requires_grad_(False)


def training_mode(whole: nn.Module, still: list[nn.Module], freeze_batchnorm: bool) -> None:
    """Training mode, except for frozen parts and, where asked, every batch norm."""
    whole.train()
    for part in still:
        part.eval()
    if freeze_batchnorm:
        for module in whole.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
