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
from lapel.models.backbones import RANDOM, RESNETS, Backbone, build_backbone
from lapel.models.crop_model import CropModel, LocalBranch
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
    names = {key: _ours(key) for key in state if key != AGAIN}
    ours = {names[key]: value for key, value in state.items() if key != AGAIN}
    if len(ours) != len(names):
        raise CheckpointError("The checkpoint gives one tensor under two names; it is not a released one.")
    if local:
        _check_copies(state)
        names[AGAIN] = names[TABLE]
    backbone = _backbone(ours, "backbone.")
    head = ASENPPHead(backbone.channels, attributes, **_options(ours, "head.", attributes))
    model = AttributeModel(backbone, head)
    if local:
        second = _backbone(ours, "local.backbone.")
        options = _options(ours, "local.head.", 0) | {"attribute_dim": head.attr_embedding.embedding_dim}
        branch = LocalBranch(second, ASENPPHead(second.channels, 0, **options))
        model = CropModel(backbone, head, branch, crops or PUBLISHED_CROPS)
    _check(model.state_dict(), ours, attributes)
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
        local = {"backbone": _depth(found.local.backbone), "cut": "layer3", "options": options}
        architecture |= {"crops": asdict(crops), "local": local}
    card = Card(
        name=name,
        system="asenpp",
        backbone=_depth(found.backbone),
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


def _depth(backbone: Any) -> str:
    """The name of the ResNet that this is, up to layer3."""
    if backbone.channels == RESNETS["resnet50"]:
        return "resnet50"
    return "resnet34" if len(backbone.layer2) == 4 else "resnet18"


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


def _ours(key: str) -> str:
    for theirs, ours in PREFIXES.items():
        if key.startswith(theirs):
            return f"{ours}{key.removeprefix(theirs)}"
    raise CheckpointError(
        f"The checkpoint has '{key}'; in one that ASEN++ wrote every name begins 'choices.global.' or "
        "'choices.local.'. Is it of another system?"
    )


def _backbone(ours: Mapping[str, Tensor], prefix: str) -> Backbone:
    """By its blocks: bottlenecks are resnet50's, four in layer2 resnet34's, two resnet18's."""
    depth = "resnet34" if f"{prefix}layer2.2.conv1.weight" in ours else "resnet18"
    if f"{prefix}layer1.0.conv3.weight" in ours:
        depth = "resnet50"
    return build_backbone(depth, "layer3", RANDOM)


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
        if len(table) != 2 or table[0] != attributes:
            raise CheckpointError(
                f"The checkpoint knows {table[0] if table else 0} attributes, {attributes} were named. Name those it "
                "was trained with, in their order."
            )
        options["attribute_dim"] = table[1]
    if options["spatial"]:
        options["hidden"] = shape("conv.weight")[0]
    if options["channel"]:
        options["reduction"] = max(1, last[1] // shape("fc1.weight")[0])
    return options


def _check(built: Mapping[str, Tensor], ours: Mapping[str, Tensor], attributes: int) -> None:
    wanted = {key for key in built if not key.startswith(("values.", "look."))}
    extra = sorted(set(ours) - wanted)
    missing = sorted(key for key in wanted - set(ours) if not key.endswith("num_batches_tracked"))
    if extra or missing:
        problem = f"has '{extra[0]}', which ASEN++ does not" if extra else f"lacks '{missing[0]}'"
        raise CheckpointError(f"The checkpoint is not of ASEN++: it {problem} ({len(extra) + len(missing)} keys).")
    for key, value in sorted(ours.items()):
        if value.shape != built[key].shape:
            raise CheckpointError(
                f"'{key}' is {tuple(value.shape)} in the checkpoint; ASEN++ with {attributes} attributes needs "
                f"{tuple(built[key].shape)}."
            )
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"The checkpoint's '{key}' holds values that are no numbers; its training failed.")
