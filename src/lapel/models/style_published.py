"""Checkpoints that the style classifier's code wrote, of both versions: their key names, checked one by one.

| system | prefix of the branch | besides it |
|---|---|---|
| style (release) | `body.choices.global.` | `head.weight`, `fc.*`, `fc1.*` (`basenet.layer4.*`: after the cut) |
| style_v1 | `choices.global.` | `fc.*` |

Inside the branch, `basenet.*` is the backbone, `attrnet.*` and `attnnet.*` are ASEN++'s attention.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from lapel.errors import CheckpointError, InputError
from lapel.models.backbones import RANDOM
from lapel.models.published_tensors import check_tensors
from lapel.models.registry import network
from lapel.models.style import StyleHead, StyleModel
from lapel.schema import Attribute, Card, Preprocess, Vocabulary

STYLES = ("style", "style_v1")
KFASHION = Vocabulary((Attribute("style", ("formal", "semi-formal", "casual")),))
"""The classes of the released K-Fashion model, by id, as its configuration names them."""

DOUBT = (
    "Class names as published, and doubtful: by the style folders of the K-Fashion lists, class 1 ('semi-formal') is "
    "mostly street, resort and hip-hop, and class 2 ('casual') mostly classic, modern and mannish, so that these two "
    "names look swapped; how 14 styles became 3 classes is not published. Ids are certain, names are configuration."
)
"""What the card of an imported K-Fashion model says."""

_BRANCH = {"style": "body.choices.global.", "style_v1": "choices.global."}
_INSIDE = {"attrnet.": "head.", "attnnet.": "head.", "basenet.layer4.": "head.top.layer4.", "basenet.": "backbone."}
_BESIDE = {
    "style": {"head.weight": "head.weight", "fc.": "head.pooled_fc.", "fc1.": "head.joined."},
    "style_v1": {"fc.": "head.fc."},
}


def style_model(system: str, state: Mapping[str, Tensor], vocabulary: Vocabulary) -> tuple[StyleModel, dict[str, str]]:
    """The model that a published state dict belongs to, with its weights, in eval mode; and published name -> ours.

    Every tensor must be there and none besides; the published loader ignores what does not match.

    Args:
        system: style or style_v1. state: names as in the released file.
        vocabulary: one attribute, whose values are the classes in the order of their ids.

    Raises:
        CheckpointError: the keys or shapes are not those of the system with so many classes.
    """
    names = {key: _ours(system, key) for key in state}
    backbone, head = network(system, "resnet50", "layer3", RANDOM, vocabulary, {})
    assert isinstance(head, StyleHead)
    model = StyleModel(backbone, head)
    own = {k: v for k, v in model.state_dict().items() if k.startswith(("backbone.", "head."))}
    ours = {names[key]: value for key, value in state.items()}
    needs = f"one attribute of {vocabulary.width} classes needs"
    hint = " Name as many classes as it was trained with: --classes a,b,c."
    check_tensors(f"system '{system}'", own, ours, needs, hint)
    model.load_state_dict(ours, strict=False)
    return model.eval(), names


def style_card(name: str, model: StyleModel, system: str, vocabulary: Vocabulary, numbers: Mapping[str, float]) -> Card:
    """The card of an imported style model: published centre crop of 224 pixels, ImageNet normalisation."""
    notes = "Imported from a checkpoint of the published code. Its probabilities are not calibrated on photos"
    notes += f" (inverse temperature {float(model.values.scale):g}, as trained with)."
    doubt = style_notes(system, vocabulary)
    return Card(
        name=name,
        system=system,
        backbone="resnet50",
        vocabulary=vocabulary,
        preprocess=Preprocess(),
        dim=model.head.dim,
        look_dim=model.look.dim,
        grid=(14, 14),
        architecture={"head": {}, "look_dim": 0, "cut": "layer3", "value_scale": value_scale(model, vocabulary)},
        pretrained="released checkpoint",
        scores={"released": dict(numbers)} if numbers else {},
        notes=f"{notes} {doubt}".strip(),
    )


def style_notes(system: str, vocabulary: Vocabulary) -> str:
    """What the card of a style model says of its class names: the doubt about K-Fashion's, else nothing."""
    known = [set(attribute.values) for attribute in vocabulary]
    return DOUBT if system in STYLES and known == [set(KFASHION.attributes[0].values)] else ""


def value_scale(model: StyleModel, vocabulary: Vocabulary) -> dict[str, float]:
    """Attribute -> the inverse temperature in the model's probabilities; what gives the published score back."""
    return {vocabulary.names[0]: float(model.values.scale)}


def _ours(system: str, key: str) -> str:
    branch = _BRANCH[system]
    tables: list[tuple[str, dict[str, str]]] = [(branch, _INSIDE), ("", _BESIDE[system])]
    for before, table in tables:
        for theirs, ours in table.items():
            if key.startswith(before + theirs):
                return ours + key.removeprefix(before + theirs)
    other = next((s for s in STYLES if s != system and key.startswith(_BRANCH[s])), None)
    hint = f" It looks like system '{other}': import it with --system {other}." if other else ""
    raise CheckpointError(f"The checkpoint is not of system '{system}': '{key}' is no tensor of it.{hint}")


def read_classes(source: str | Path | Sequence[str] | None = None) -> Vocabulary:
    """The one attribute `style` with its classes, in the order of their ids.

    source: names; or a JSON file: the published config.json (its `category` maps ids to names), such a map, or a list.
    None: K-Fashion's three, as published.

    Raises:
        InputError: the file holds no classes, or ids that are not 0, 1, 2, ...
    """
    if source is None:
        return KFASHION
    if isinstance(source, (str, Path)):
        source = _named(Path(source))
    if not source:
        raise InputError("The list of classes is empty; name them in the order of their ids.")
    return Vocabulary((Attribute("style", tuple(source)),))


def _named(path: Path) -> list[str]:
    problem = f"'{path}' names no classes: a JSON list, a map id -> name, or a config.json with 'category'."
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"No file of classes at '{path}'. Give one, or the names: --classes a,b,c.") from error
    except ValueError as error:
        raise InputError(problem) from error
    if isinstance(content, dict):
        numbered = content.get("category", content)
        if not isinstance(numbered, dict) or not numbered:
            raise InputError(problem)
        ids = [str(n) for n in range(len(numbered))]
        if set(numbered) != set(ids):
            raise InputError(f"'{path}': class ids are {', '.join(numbered)}; they should be 0 to {len(ids) - 1}.")
        content = [numbered[number] for number in ids]
    if not isinstance(content, list):
        raise InputError(problem)
    return [str(name) for name in content]
