"""Checkpoints in the published format, written by the tests: small heads, the whole ResNet under its published names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import build_backbone
from lapel.models.registry import build_head

INNER = {"asen": "backbonenet.", "asen_v2": "backbonenet.", "csn": "embeddingnet."}


def published_state(system: str, attributes: int = 3, veit: bool = False) -> tuple[AttributeModel, dict[str, Tensor]]:
    """A model with random weights, and the state dict that the published code would have saved of it."""
    torch.manual_seed(7)
    backbone = build_backbone("resnet18" if veit else "resnet50", "layer3", "random")
    head = build_head(system, backbone.channels, attributes, **({"dim": 64} if system == "csn" else {}))
    model = AttributeModel(backbone, head).eval()
    state = {}
    for name, value in model.state_dict().items():
        if name.startswith("backbone."):
            state[f"embeddingnet.{INNER[system]}{name.removeprefix('backbone.')}"] = value
        elif veit and name.startswith("head.embed_fc."):
            state[f"embeddingnet.embeddingnet.fc_embed.{name.rsplit('.', 1)[1]}"] = value
        elif name.startswith("head."):
            state[f"embeddingnet.{name.removeprefix('head.')}"] = value
    if not veit:
        state[f"embeddingnet.{INNER[system]}fc.weight"] = torch.zeros(1000, 2048)
        state[f"embeddingnet.{INNER[system]}fc.bias"] = torch.zeros(1000)
    return model, state


def write_published(path: Path, state: dict[str, Tensor], **others: Any) -> Path:
    """Write the state dict as the published code does, `others` beside it in place of epoch and prec."""
    torch.save({"epoch": 12, "state_dict": state, "prec": 0.5} | others, path)
    return path
