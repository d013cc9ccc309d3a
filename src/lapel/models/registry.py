"""Systems by name, and the model that a card describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lapel.errors import CheckpointError, UnknownName
from lapel.models.asen import ASENHead
from lapel.models.asen_v2 import ASENV2Head
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeHead, AttributeModel
from lapel.models.backbones import RANDOM, Backbone, build_backbone, build_with_top
from lapel.models.composed.light import LightComposed
from lapel.models.crop_model import CropModel
from lapel.models.csn import CSNHead
from lapel.models.locals import build_local
from lapel.models.rpf_region import RPFRegionHead
from lapel.models.style import ArcStyleHead, LinearStyleHead, StyleHead, StyleModel
from lapel.models.triplet import TripletHead
from lapel.schema import Card, Vocabulary

SYSTEMS: dict[str, Callable[..., AttributeHead]] = {
    "triplet": TripletHead,
    "csn": CSNHead,
    "asen": ASENHead,
    "asen_v2": ASENV2Head,
    "asenpp": ASENPPHead,
    "rpf": RPFRegionHead,
    "style": ArcStyleHead,
    "style_v1": LinearStyleHead,
}
"""System -> its head: (channels, attributes, dim, **options) -> AttributeHead."""


def build_head(system: str, channels: int, attributes: int, **options: Any) -> AttributeHead:
    """A system's head.

    Raises:
        UnknownName: no such system, or an option that its head does not take.
    """
    if system not in SYSTEMS:
        raise UnknownName("system", system, SYSTEMS)
    try:
        return SYSTEMS[system](channels, attributes, **options)
    except TypeError as error:
        raise CheckpointError(f"System '{system}' does not take these options: {error}.") from error


def network(
    system: str, backbone: str, cut: str | None, weights: str | Path, vocabulary: Vocabulary, options: Mapping[str, Any]
) -> tuple[Backbone, AttributeHead]:
    """A system's backbone and head for these attributes.

    A style classifier's head also learns how many classes there are and, for `style`, holds what follows the cut.

    Args:
        weights: where the backbone starts (see `build_backbone`). options: of the head.
    """
    if system not in ("style", "style_v1"):
        trunk = build_backbone(backbone, cut, weights)
        return trunk, build_head(system, trunk.channels, len(vocabulary), **options)
    further: dict[str, Any] = {"classes": vocabulary.width}
    trunk, top = (
        build_with_top(backbone, cut, weights) if system == "style" else (build_backbone(backbone, cut, weights), None)
    )
    if top is not None:
        further |= {"top": top, "top_channels": top.channels}
    return trunk, build_head(system, trunk.channels, len(vocabulary), **options, **further)


def build(card: Card, weights: str | None = None, local_weights: str | None = None) -> AttributeModel:
    """The model that a card describes.

    weights: where the backbone starts (see `build_backbone`); None is random, because a checkpoint follows.
    local_weights: the same of the local branch, for a card with crops.
    """
    asked = card.architecture
    backbone, head = network(
        card.system, card.backbone, asked.get("cut"), weights or RANDOM, card.vocabulary, asked.get("head", {})
    )
    look_dim = int(asked.get("look_dim", 0))
    if isinstance(head, StyleHead):
        return StyleModel(backbone, head, look_dim)
    sizes = tuple(len(attribute.values) for attribute in card.vocabulary)
    if card.crops is not None:
        local = build_local(card.system, head, asked.get("local", {}), card.crops, local_weights)
        return CropModel(backbone, head, local, card.crops, sizes, look_dim)
    model = AttributeModel(backbone, head, sizes, look_dim)
    if card.composed_dim:
        model.composed = LightComposed(backbone.channels, card.grid, asked.get("composed", {}))
    return model
