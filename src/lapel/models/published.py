"""Checkpoints that the published code wrote: their key names, and nothing else.

| system | backbone keys | head keys |
|---|---|---|
| asen, asen_v2 | `embeddingnet.backbonenet.*` | `embeddingnet.*` |
| csn (ASEN's code) | `embeddingnet.embeddingnet.*` | `embeddingnet.{embed_fc,masks}.*` |
| csn (Veit et al.) | `embeddingnet.embeddingnet.*` | `embeddingnet.embeddingnet.fc_embed.*`, `embeddingnet.masks.*` |

The classifier `fc` of the ImageNet network, which those files carry and never use, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapel.errors import CheckpointError, UnknownName
from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import RESNETS, build_backbone
from lapel.models.published_tensors import check_tensors
from lapel.models.registry import build_head
from lapel.schema import Card, Preprocess, Vocabulary

WRAPS = ("state_dict", "model")
"""Keys that wrap the weights in released files."""

SYSTEMS = ("asen", "asen_v2", "csn")
NUMBERS: list[Any] = [
    *((np._core.multiarray.scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),  # type: ignore[attr-defined]
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
]
"""A score that NumPy computed is pickled as one of its numbers, which is as harmless as Python's own."""

EARLY_V2 = ("feature_fc.weight", "conv2.weight")
"""Head keys of ASENet_V2 before 21 March 2020; such a network computes something else."""


def read_published(path: str | Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The state dict and the numbers beside it, read without running anything in the file.

    ASEN's and Veit et al.'s code wrote `epoch`, `state_dict` and `prec` or `best_prec1`; ASEN++'s, RPF's and the style
    classifier's `epoch`, `model` and `mAP`.

    Raises:
        CheckpointError: no such file; or it holds anything but tensors, numbers and names.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"No checkpoint at '{path}'.")
    try:
        with torch.serialization.safe_globals(NUMBERS):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile or damaged file provokes, the answer is the same
        raise CheckpointError(
            f"'{path}' was refused: it holds something other than tensors, numbers and names "
            "(or is damaged), and loading it could run code. Get the released file again."
        ) from error
    held = next((k for k in WRAPS if isinstance(content, dict) and isinstance(content.get(k), dict)), None)
    if held is None:
        raise CheckpointError(
            f"'{path}' has neither 'state_dict' nor 'model'; a released checkpoint is a dict with epoch, the weights "
            "under one of these names, and a score."
        )
    state = content[held]
    odd = [name for name, value in state.items() if not isinstance(value, Tensor) or not isinstance(name, str)]
    if odd:
        raise CheckpointError(f"'{path}': '{odd[0]}' in its {held} is no tensor.")
    others = {k: v for k, v in content.items() if k != held}
    plain_numbers = (int, float, np.floating)
    numbers = {k: float(v) for k, v in others.items() if isinstance(v, plain_numbers) and not isinstance(v, bool)}
    if wrong := sorted(set(map(str, others)) - set(map(str, numbers))):
        raise CheckpointError(f"'{path}' also holds '{wrong[0]}', which no released checkpoint does; it is refused.")
    plain = {name.removeprefix("module."): value for name, value in state.items()}
    if len(plain) != len(state):
        raise CheckpointError(f"'{path}' holds some tensors twice, with and without 'module.'; it is refused.")
    return plain, numbers


def published_model(
    system: str, state: Mapping[str, Tensor], attributes: int, **options: Any
) -> tuple[AttributeModel, dict[str, str]]:
    """The model that a published state dict belongs to, with its weights.

    Args:
        system: asen, asen_v2 or csn. state: names as in the released file, `module.` already gone.
        attributes: K that the file must have. options: of the head (csn: learned).

    Returns:
        The model in eval mode, and published name -> our name for every tensor that it uses.

    Raises:
        UnknownName: no such system.
        CheckpointError: the keys or shapes are not those of the system with so many attributes.
    """
    if system not in SYSTEMS:
        raise UnknownName("system", system, SYSTEMS)
    names = _our_names(system, state)
    ours = {names[key]: value for key, value in state.items() if key in names}
    depth = "resnet50" if "backbone.layer1.0.conv3.weight" in ours else "resnet18"
    backbone = build_backbone(depth, "layer3", "random")
    dim = {"dim": _rows(ours, "head.embed_fc.weight")} if system == "csn" else {}
    head = build_head(system, backbone.channels, attributes, **dim, **options)
    model = AttributeModel(backbone, head)
    _check(system, model, ours, attributes)
    model.load_state_dict(ours, strict=False)
    return model.eval(), names


def published_card(
    name: str, model: AttributeModel, system: str, vocabulary: Vocabulary, numbers: Mapping[str, float]
) -> Card:
    """The card of an imported model: published centre crop (224 pixels; Veit et al. 112), ImageNet normalisation."""
    depth = "resnet50" if model.look.centre.numel() == RESNETS["resnet50"] else "resnet18"
    pixels = 224 if depth == "resnet50" else 112
    preprocess = Preprocess(height=pixels, width=pixels, short_side=pixels)
    side = pixels // 16
    head: dict[str, Any] = {}
    notes = "Imported from a checkpoint of the published code. Its value probabilities are not fitted (uniform)."
    if system == "csn":
        head = {"dim": model.head.dim, "learned": bool(model.head.learned)}
    if depth == "resnet18":
        notes += " It was trained on Euclidean distances of embeddings of any length; here they are compared by cosine."
    return Card(
        name=name,
        system=system,
        backbone=depth,
        vocabulary=vocabulary,
        preprocess=preprocess,
        dim=model.head.dim,
        look_dim=model.look.dim,
        grid=(side, side),
        attends=model.head.attends,
        architecture={"head": head, "look_dim": 0, "cut": "layer3"},
        pretrained="released checkpoint",
        scores={"released": dict(numbers)} if numbers else {},
        notes=notes,
    )


def _our_names(system: str, state: Mapping[str, Tensor]) -> dict[str, str]:
    inner = "embeddingnet.backbonenet." if system != "csn" else "embeddingnet.embeddingnet."
    names = {}
    for key in state:
        if key.startswith(inner):
            rest = key.removeprefix(inner)
            if rest.startswith("fc."):
                continue
            names[key] = f"head.embed_fc.{rest[9:]}" if rest.startswith("fc_embed.") else f"backbone.{rest}"
        elif key.startswith("embeddingnet."):
            names[key] = f"head.{key.removeprefix('embeddingnet.')}"
        else:
            raise CheckpointError(f"The checkpoint has '{key}'; in a released one every name begins 'embeddingnet.'.")
    if len(set(names.values())) != len(names):
        raise CheckpointError("The checkpoint gives one tensor under two names; it is not a released one.")
    return names


def _rows(state: Mapping[str, Tensor], name: str) -> int:
    if name not in state or state[name].ndim != 2:
        raise CheckpointError(f"The checkpoint has no matrix '{name.removeprefix('head.')}'; it is of another system.")
    return len(state[name])


def _check(system: str, model: AttributeModel, ours: Mapping[str, Tensor], attributes: int) -> None:
    built = {key: value for key, value in model.state_dict().items() if key.startswith(("backbone.", "head."))}
    if system == "asen_v2" and any(f"head.{key}" in ours and f"head.{key}" not in built for key in EARLY_V2):
        raise CheckpointError(
            "The checkpoint is of an ASENet_V2 from before March 2020 (it has feature_fc or conv2), another network. "
            "Use the one released in June 2020."
        )
    hint = " Is the attribute list the one it was trained with?"
    check_tensors(f"system '{system}'", built, ours, f"{attributes} attributes need", hint)
