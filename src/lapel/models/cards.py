"""The card of a new model: its shapes are asked from the model itself."""

from __future__ import annotations

from typing import Any

import torch

from lapel.models.backbones import build_backbone, weights_sha256
from lapel.models.registry import build_head
from lapel.schema import Card, Preprocess, Vocabulary


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
    **options: Any,
) -> Card:
    """A card with the shapes that this architecture gives at this input size.

    Args:
        weights: where the backbone starts; its file's sha256 is recorded.
        dim: D, None as published. look_dim: L, 0 keeps all channels. options: further options of the head.

    Raises:
        UnknownName, InputError, ModelError: as `build_backbone` and `build_head`.
    """
    trunk = build_backbone(backbone, cut, "random").eval()
    head_options = {**({"dim": dim} if dim else {}), **options}
    with torch.inference_mode():
        grid = trunk(torch.zeros(1, 3, preprocess.height, preprocess.width)).shape[2:]
    head = build_head(system, trunk.channels, len(vocabulary), **head_options)
    architecture = {"head": head_options, "look_dim": look_dim, **({"cut": cut} if cut else {})}
    sha256 = weights_sha256(backbone, weights)
    return Card(
        name=name,
        system=system,
        backbone=backbone,
        vocabulary=vocabulary,
        preprocess=preprocess,
        dim=head.dim,
        look_dim=look_dim or trunk.channels,
        grid=(int(grid[0]), int(grid[1])),
        pretrained=f"{weights} sha256:{sha256}" if sha256 else str(weights),
        attends=head.attends,
        architecture=architecture,
    )
