"""Fine-tuning: a trained model's architecture, preprocessing and weights become those of a run on other labels.

An attribute is known when the start has one of the same name, a value when that attribute has one of the same name;
upper and lower case, hyphens and underscores are alike. What is known continues, everything else starts fresh.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lapel.errors import CheckpointError, InputError
from lapel.export.loading import run_checkpoint
from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel
from lapel.models.checkpoint import Checkpoint
from lapel.models.registry import build_head
from lapel.runtime.shipped import CHECKPOINT, shipped, training_checkpoint
from lapel.schema import Attribute, Card, Vocabulary
from lapel.training.place import CRITERION
from lapel.training.recipe import Recipe

PROXIES = "proxy.proxies"
"""The loss's one weight of its own: a row a value."""


def checkpoint_of(name: str) -> Path:
    """The training checkpoint that a shipped model's name, a run folder or a file means.

    Raises:
        InputError: a folder without one, or a shipped model that came without.
    """
    if name not in shipped():
        return run_checkpoint(name)
    path = training_checkpoint(name)
    if path is None:
        raise InputError(
            f"The shipped '{name}' came without its training checkpoint ({CHECKPOINT}). Name a run folder or a "
            ".safetensors file in its place, or another shipped model."
        )
    return path


def read_start(recipe: Recipe) -> Checkpoint | None:
    """What a fine-tuning run continues: its earlier stage (`model.start`), else `model.tune`; None without `tune`.

    Raises:
        CheckpointError: it cannot be read.
        InputError: as `checkpoint_of`.
    """
    return checkpoint.read(checkpoint_of(recipe.model.start or recipe.model.tune)) if recipe.model.tune else None


def adopt(recipe: Recipe, card: Card) -> Recipe:
    """The recipe with the architecture and preprocessing of the model that it continues.

    Raises:
        InputError: a model of two branches, a style classifier, or one whose preprocessing recipes cannot state.
    """
    if card.crops is not None or card.system.startswith("style"):
        raise InputError(f"model.tune: '{card.name}' is {card.system}; models of one branch can be fine-tuned.")
    asked, seen = card.architecture, card.preprocess
    options = dict(asked.get("head", {}))
    changes: dict[str, Any] = {
        "system": card.system,
        "backbone": card.backbone,
        "cut": asked.get("cut"),
        "weights": "random",
        "dim": int(options.pop("dim", 0)),
        "options": options,
        "look_dim": int(asked.get("look_dim", 0)),
        "height": seen.height,
        "width": seen.width,
        "resize": seen.resize,
        "centre": seen.centre,
        "pixels": "half" if seen.mean == (0.5, 0.5, 0.5) else "imagenet",
    }
    adopted = recipe.model.model_copy(update=changes)
    if adopted.preprocess != seen:
        raise InputError(f"model.tune: '{card.name}' reads photos in a way that recipes cannot state: {seen}.")
    return recipe.model_copy(update={"model": adopted})


def continue_from(start: Checkpoint, model: AttributeModel, criterion: nn.Module, card: Card) -> Card:
    """Load what the start knows into a fresh model and its loss; the card then says what it continues.

    The backbone, the look and what the attributes share in the head are taken whole; of what belongs to one attribute,
    or one value, the rows of those that are known.

    Raises:
        CheckpointError: a tensor is missing or of another shape.
    """
    state = model.state_dict()
    rows = known_attributes(card.vocabulary, start.card.vocabulary)
    axes = attribute_axes(start.card, model.backbone.channels)  # type: ignore[arg-type]
    for name, own in state.items():
        part, _, inner = name.partition(".")
        if part not in ("backbone", "head", "look"):
            continue
        given = start.state.get(name)
        if given is None or (inner not in axes and given.shape != own.shape):
            raise CheckpointError(f"'{start.card.name}' is not what its card says: '{name}' does not fit.")
        axis = axes.get(inner) if part == "head" else None
        if axis is None:
            own.copy_(given)
        else:
            _copy_rows(own, given, axis, rows, len(card.vocabulary), len(start.card.vocabulary))
    _copy_proxies(criterion, start, card.vocabulary)
    known = [card.vocabulary.names[row] for row in rows]
    said = f"continues {start.card.name} {start.card.fingerprint}; attributes it knew: {', '.join(known) or 'none'}"
    return card.with_(pretrained=f"{start.card.pretrained}; {said}")


def known_attributes(ours: Vocabulary, theirs: Vocabulary) -> dict[int, int]:
    """Our attribute's index -> theirs, for those of the same name."""
    return _same(ours.names, theirs.names)


def known_values(ours: Vocabulary, theirs: Vocabulary) -> dict[int, int]:
    """Our value's place among all values -> theirs, within attributes of the same name."""
    found: dict[int, int] = {}
    for own, other in known_attributes(ours, theirs).items():
        mine: Attribute = ours[ours.names[own]]
        pairs = _same(mine.values, theirs[theirs.names[other]].values)
        found |= {ours.slices[own].start + a: theirs.slices[other].start + b for a, b in pairs.items()}
    return found


def attribute_axes(card: Card, channels: int) -> dict[str, int]:
    """Which axis of which tensor of a head grows with the number of attributes: found by building it one wider."""
    options, count = card.architecture.get("head", {}), len(card.vocabulary)
    with torch.device("meta"):
        narrow = build_head(card.system, channels, count, **options).state_dict()
        wide = build_head(card.system, channels, count + 1, **options).state_dict()
    pairs = {name: (tensor.shape, wide[name].shape) for name, tensor in narrow.items()}
    return {
        name: next(axis for axis, (a, b) in enumerate(zip(*shapes, strict=True)) if a != b)
        for name, shapes in pairs.items()
        if shapes[0] != shapes[1]
    }


def _copy_rows(own: Tensor, given: Tensor, axis: int, rows: dict[int, int], count: int, theirs: int) -> None:
    """Copy each known attribute's part along the axis; a part may be several rows (all attributes side by side)."""
    mine, other = own.unflatten(axis, (count, -1)), given.unflatten(axis, (theirs, -1))
    for to, at in rows.items():
        mine.select(axis, to).copy_(other.select(axis, at))


def _copy_proxies(criterion: nn.Module, start: Checkpoint, vocabulary: Vocabulary) -> None:
    """The start's own proxies where it is a run's last checkpoint; else its value prototypes, at a fresh length."""
    own = criterion.state_dict().get(PROXIES)
    if own is None:
        return
    given = start.extra.get(CRITERION + PROXIES)
    if given is None:
        given = start.state["values.prototypes"] * own.shape[1] ** 0.5
    for to, at in known_values(vocabulary, start.card.vocabulary).items():
        if bool(given[at].any()):
            own[to] = given[at]


def _same(ours: tuple[str, ...], theirs: tuple[str, ...]) -> dict[int, int]:
    places = {_plain(name): place for place, name in enumerate(theirs)}
    return {place: places[_plain(name)] for place, name in enumerate(ours) if _plain(name) in places}


def _plain(name: str) -> str:
    return name.casefold().replace("-", " ").replace("_", " ").strip()
