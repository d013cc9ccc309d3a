"""Checkpoints that ASEN++'s code wrote, of either stage: their key names, checked one by one.

| keys | are |
|---|---|
| `choices.global.attrnet.attr_embedding.weight` | `head.attr_embedding.weight` |
| `choices.global.basenet.*` | `backbone.*`, up to layer3 |
| `choices.global.attnnet.*` | `head.*` |
| `choices.local.attrnet.attr_embedding.weight` (stage 2) | the same table, saved a second time |
| `choices.local.basenet.*`, `choices.local.attnnet.*` (stage 2) | `local.backbone.*`, `local.head.*` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from lapel.errors import CheckpointError
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import RANDOM, build_backbone
from lapel.models.crop_model import CropModel, LocalBranch
from lapel.models.published_tensors import check_attributes, check_tensors, our_name, resnet_of
from lapel.schema import Card, Crops, Preprocess, Vocabulary

TABLE, AGAIN = "choices.global.attrnet.attr_embedding.weight", "choices.local.attrnet.attr_embedding.weight"
PREFIXES = {
    "choices.global.attrnet.": "head.",
    "choices.global.basenet.": "backbone.",
    "choices.global.attnnet.": "head.",
    "choices.local.basenet.": "local.backbone.",
    "choices.local.attnnet.": "local.head.",
}
PUBLISHED_CROPS = Crops(threshold=0.1, height=112, width=112, beta=0.6)
"""Of every released stage-2 configuration."""


def asenpp_model(
    state: Mapping[str, Tensor], attributes: int, crops: Crops | None = None, stage: int | None = None
) -> tuple[AttributeModel, dict[str, str]]:
    """The model that a published state dict belongs to, with its weights, in eval mode.

    Args:
        state: names as in the released file. attributes: K that the file must have.
        crops: threshold and beta of a stage-2 model; None is as published.
        stage: the stage that is wanted; None takes what the file holds.

    Returns:
        The model, a `CropModel` where there is a local branch; and published name -> ours for every tensor (the second
        copy of the attribute table included).

    Raises:
        CheckpointError: the keys or shapes are not those of ASEN++ with so many attributes; the two copies of the
            attribute table differ; or the file is of the other stage.
    """
    local = any(key.startswith("choices.local.") for key in state)
    _check_stage(local, stage)
    begins = "'choices.global.' or 'choices.local.'"
    names = {key: our_name(key, PREFIXES, "ASEN++", begins) for key in state if key != AGAIN}
    ours = {names[key]: value for key, value in state.items() if key != AGAIN}
    if len(ours) != len(names):
        raise CheckpointError("The checkpoint gives one tensor under two names; it is not a released one.")
    if local:
        _check_copies(state)
        names[AGAIN] = names[TABLE]
    backbone = build_backbone(resnet_of(ours), "layer3", RANDOM)
    head = ASENPPHead(backbone.channels, attributes, **_options(ours, "head.", attributes))
    model = AttributeModel(backbone, head)
    if local:
        second = build_backbone(resnet_of(ours, "local.backbone."), "layer3", RANDOM)
        options = _options(ours, "local.head.", 0) | {"attribute_dim": head.attr_embedding.embedding_dim}
        branch = LocalBranch(second, ASENPPHead(second.channels, 0, **options))
        model = CropModel(backbone, head, branch, crops or PUBLISHED_CROPS)
    built = {key: value for key, value in model.state_dict().items() if not key.startswith(("values.", "look."))}
    check_tensors("ASEN++", built, ours, f"ASEN++ with {attributes} attributes needs", it="ASEN++")
    model.load_state_dict(ours, strict=False)
    return model.eval(), names


def asenpp_import(
    state: Mapping[str, Tensor],
    vocabulary: Vocabulary,
    name: str,
    numbers: Mapping[str, float],
    beta: float | None = None,
    stage: int | None = None,
) -> tuple[AttributeModel, Card]:
    """A released file as a model with the vocabulary's values, and its card.

    Args:
        name: of the model. numbers: what stood beside the weights. beta: the global branch's share; None is 0.6.
        state, stage: as `asenpp_model`.

    Raises:
        CheckpointError: as `asenpp_model`.
    """
    crops = PUBLISHED_CROPS if beta is None else replace(PUBLISHED_CROPS, beta=beta)
    found, _ = asenpp_model(state, len(vocabulary), crops, stage)
    sizes = tuple(len(attribute.values) for attribute in vocabulary)
    head = found.head
    architecture: dict[str, Any] = {"head": _options(_head_tensors(head), "", len(vocabulary)), "look_dim": 0}
    model = AttributeModel(found.backbone, head, sizes)
    if isinstance(found, CropModel):
        model = CropModel(found.backbone, head, found.local, crops, sizes)
        second = found.local.head
        options = {k: v for k, v in _options(_head_tensors(second), "", 0).items() if k != "attribute_dim"}
        local = {"backbone": resnet_of(model.state_dict(), "local.backbone."), "cut": "layer3", "options": options}
        architecture |= {"crops": asdict(crops), "local": local}
    card = Card(
        name=name,
        system="asenpp",
        backbone=resnet_of(model.state_dict()),
        vocabulary=vocabulary,
        preprocess=Preprocess(),
        dim=model.dim,
        look_dim=model.look.dim,
        grid=(14, 14),
        attends=head.attends,
        architecture=architecture | {"cut": "layer3"},
        scores={"released": dict(numbers)} if numbers else {},
        notes="Imported from a checkpoint of the published code. Its value probabilities are not fitted (uniform).",
    )
    return model.eval(), card


def _head_tensors(head: Any) -> dict[str, Tensor]:
    return dict(head.state_dict())


def _check_stage(local: bool, stage: int | None) -> None:
    if stage == 2 and not local:
        raise CheckpointError(
            "The checkpoint is of ASEN++'s first stage: it holds no local branch. Import the second stage's "
            "(D_s2/model_best.pth.tar), or import this one as what it is, without --stage 2."
        )
    if stage == 1 and local:
        raise CheckpointError("The checkpoint is of ASEN++'s second stage: it holds a local branch. Leave --stage out.")


def _check_copies(state: Mapping[str, Tensor]) -> None:
    if AGAIN not in state or TABLE not in state:
        missing = AGAIN if AGAIN not in state else TABLE
        raise CheckpointError(f"The checkpoint is not of ASEN++: it lacks '{missing}'.")
    if not torch.equal(state[TABLE], state[AGAIN]):
        raise CheckpointError(
            f"The checkpoint's '{TABLE}' and '{AGAIN}' differ; both branches share one table, so the file was put "
            "together of two. Get the released file again."
        )


def _options(ours: Mapping[str, Tensor], prefix: str, attributes: int) -> dict[str, Any]:
    """The head's sizes and switches, as its tensors have them; what is not there cannot be switched on."""

    def shape(name: str) -> tuple[int, ...]:
        found = ours.get(f"{prefix}{name}")
        return tuple(found.shape) if found is not None else ()

    last = shape("feature_fc.weight")
    if len(last) != 2:
        raise CheckpointError(f"The checkpoint is not of ASEN++: it lacks the matrix '{prefix}feature_fc.weight'.")
    options: dict[str, Any] = {
        "dim": last[0],
        "spatial": bool(shape("conv.weight")),
        "channel": bool(shape("fc1.weight")),
    }
    if attributes:
        table = shape("attr_embedding.weight")
        check_attributes(table[0] if len(table) == 2 else 0, attributes)
        options["attribute_dim"] = table[1]
    if options["spatial"]:
        options["hidden"] = shape("conv.weight")[0]
    if options["channel"]:
        options["reduction"] = max(1, last[1] // shape("fc1.weight")[0])
    return options
