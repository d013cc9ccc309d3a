"""Systems by name, and the model that a card describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lapel.errors import CheckpointError, UnknownName
from lapel.models.asen import ASENHead
from lapel.models.asen_v2 import ASENV2Head
from lapel.models.attribute_model import AttributeHead, AttributeModel
from lapel.models.backbones import RANDOM, Backbone, build_backbone
from lapel.models.csn import CSNHead
from lapel.models.triplet import TripletHead
from lapel.schema import Card

SYSTEMS: dict[str, Callable[..., AttributeHead]] = {
    "triplet": TripletHead,
    "csn": CSNHead,
    "asen": ASENHead,
    "asen_v2": ASENV2Head,
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


def assemble(card: Card, backbone: Backbone) -> AttributeModel:
    """Put the head, values and look that the card describes on a backbone."""
    options = dict(card.architecture.get("head", {}))
    head = build_head(card.system, backbone.channels, len(card.vocabulary), **options)
    sizes = tuple(len(attribute.values) for attribute in card.vocabulary)
    return AttributeModel(backbone, head, sizes, int(card.architecture.get("look_dim", 0)))


def build(card: Card, weights: str | None = None) -> AttributeModel:
    """The model that a card describes.

    weights: where the backbone starts (see `build_backbone`); None is random, because a checkpoint follows.
    """
    backbone = build_backbone(card.backbone, card.architecture.get("cut"), weights or RANDOM)
    return assemble(card, backbone)
