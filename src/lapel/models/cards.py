"""The card of a new model: its shapes are asked from the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from lapel.models.backbones import RANDOM, weights_sha256
from lapel.models.locals import build_local
from lapel.models.registry import network
from lapel.schema import Card, Crops, Preprocess, Vocabulary


def new_card(
    *,
    name: str,
    system: str,
    backbone: str,
    vocabulary: Vocabulary,
    preprocess: Preprocess,
    weights: str,
    cut: str | None = None,
    dim: int | None = None,
    look_dim: int = 0,
    crops: Crops | None = None,
    local: Mapping[str, Any] | None = None,
    local_weights: str = RANDOM,
    **options: Any,
) -> Card:
    """A card with the shapes that this architecture gives at this input size.

    Args:
        weights: where the backbone starts; its file's sha256 is recorded.
        dim: D (of the global branch), None as published. look_dim: L, 0 keeps all channels.
        crops, local, local_weights: of a model with a local branch: how regions are cut, its architecture, and where
            it starts. options: further options of the head.

    Raises:
        UnknownName, InputError, ModelError: as `build_backbone` and `build_head`.
    """
    head_options = {**({"dim": dim} if dim else {}), **options}
    trunk, head = network(system, backbone, cut, "random", vocabulary, head_options)
    trunk.eval()
    with torch.inference_mode():
        grid = trunk(torch.zeros(1, 3, preprocess.height, preprocess.width)).shape[2:]
    architecture = {"head": head_options, "look_dim": look_dim, **({"cut": cut} if cut else {})}
    joint = head.dim
    if crops is not None:
        joint += int(build_local(system, head, local or {}, crops).dim)  # type: ignore[arg-type]
        architecture |= {"crops": asdict(crops), "local": dict(local or {})}
    others = [_origin(str((local or {}).get("backbone", "")), local_weights)] if crops is not None else []
    return Card(
        name=name,
        system=system,
        backbone=backbone,
        vocabulary=vocabulary,
        preprocess=preprocess,
        dim=joint,
        look_dim=look_dim or trunk.channels,
        grid=(int(grid[0]), int(grid[1])),
        pretrained="; local branch: ".join([_origin(backbone, weights), *others]),
        attends=head.attends,
        architecture=architecture,
    )


def _origin(backbone: str, weights: str) -> str:
    """Where a network starts, with the sha256 of that file."""
    sha256 = weights_sha256(backbone, weights)
    return f"{weights} sha256:{sha256}" if sha256 else str(weights)
