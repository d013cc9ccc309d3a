"""A released checkpoint becomes one of ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lapel.errors import InputError, UnknownName
from lapel.models import checkpoint
from lapel.models.asenpp_published import asenpp_import
from lapel.models.published import published_card, published_model, read_published
from lapel.models.rpf_published import BETA, rpf_card, rpf_model
from lapel.models.style_published import STYLES, style_card, style_model
from lapel.schema import Attribute, Card, Vocabulary

UNNAMED = "unnamed"
"""The one value of an attribute whose values the importer was not told."""


def import_checkpoint(
    path: str | Path,
    system: str,
    vocabulary: Vocabulary,
    out: str | Path,
    name: str = "",
    learned: bool = True,
    beta: float | None = None,
    stage: int | None = None,
) -> Card:
    """Read a released `.pth.tar` strictly and write a Lapel checkpoint.

    Args:
        path: of the released file. system: asen, asen_v2, asenpp, csn, rpf, style or style_v1.
        vocabulary: the attributes in the order of training (`read_vocabulary`).
        out: the .safetensors to write. name: of the model; the file's name when empty.
        learned: csn only: whether its masks were learnt (they pass through a ReLU) or fixed.
        beta: rpf's second stage: the region branch's share of the joint cosine, which the file does not hold; None is
            that of the released FashionAI and DARN runs (DeepFashion's is 0.4). asenpp's too, where None is 0.6.
        stage: asenpp: the stage that is wanted; 2 refuses a file without a local branch. None takes what is there.

    Returns:
        The card as stored.

    Raises:
        CheckpointError: the file is unsafe, or not of this system with so many attributes.
        InputError: `out` does not end in .safetensors.
    """
    if Path(out).suffix != ".safetensors":
        raise InputError(f"'{out}' should end in .safetensors, the format of Lapel checkpoints.")
    state, numbers = read_published(path)
    origin = f"released checkpoint sha256:{_sha256(path)}"
    if system in STYLES:
        classifier, _ = style_model(system, state, vocabulary)
        card = style_card(name or plain_name(path), classifier, system, vocabulary, numbers)
        return checkpoint.save(out, classifier, card.with_(pretrained=origin))
    if system == "rpf":
        whole, _ = rpf_model(state, vocabulary, BETA["published"] if beta is None else beta)
        card = rpf_card(name or plain_name(path), whole, vocabulary, numbers)
        return checkpoint.save(out, whole, card.with_(pretrained=origin))
    if system == "asenpp":
        two, card = asenpp_import(state, vocabulary, name or plain_name(path), numbers, beta, stage)
        return checkpoint.save(out, two, card.with_(pretrained=origin))
    options: dict[str, Any] = {"learned": learned} if system == "csn" else {}
    model, _ = published_model(system, state, len(vocabulary), **options)
    sized = type(model)(model.backbone, model.head, tuple(len(attribute.values) for attribute in vocabulary))
    card = published_card(name or plain_name(path), model, system, vocabulary, numbers)
    return checkpoint.save(out, sized.eval(), card.with_(pretrained=origin))


def plain_name(path: str | Path) -> str:
    """A released file's name without its endings: `runs/asen.fashionai.pth.tar` -> `asen.fashionai`."""
    name = Path(path).name
    for ending in (".tar", ".pth", ".pt", ".zip"):
        name = name.removesuffix(ending)
    return name


def read_vocabulary(source: str | Path | Sequence[str], dataset: str | None = None) -> Vocabulary:
    """The attributes of a released checkpoint.

    source: names; or a file: JSON (a list of names, name -> values, or the published meta.json in either shape,
    with `dataset` naming the entry), or text with a name a line. Values known only by number are named "0", "1", ...

    Raises:
        InputError: the file is missing or holds no attribute list.
        UnknownName: meta.json has no such dataset.
        TableError: an attribute is named twice.
    """
    if not isinstance(source, (str, Path)):
        if not source:
            raise InputError("The attribute list is empty; name the attributes in training order.")
        return _vocabulary([(name, [UNNAMED]) for name in source])
    path = Path(source)
    if not path.is_file():
        raise InputError(f"No attribute list at '{path}'. Give a file, or the names: --attributes neckline,sleeve.")
    problem = f"'{path}' holds no attribute list: a list of names, name -> values, or meta.json."
    try:
        found = _parsed(path.read_text(encoding="utf-8-sig"), dataset)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(problem) from error
    if not found:
        raise InputError(problem)
    return _vocabulary(found)


def _vocabulary(found: list[tuple[str, list[str]]]) -> Vocabulary:
    return Vocabulary(tuple(Attribute(name, tuple(values)) for name, values in found))


def _parsed(text: str, dataset: str | None) -> list[tuple[str, list[str]]]:
    """(attribute, values) in order; a list, so that a name given twice is noticed."""
    try:
        content = json.loads(text)
    except ValueError:
        return [(line.strip(), [UNNAMED]) for line in text.splitlines() if line.strip()]
    return _values(content, dataset)


def _values(content: Any, dataset: str | None) -> list[tuple[str, list[str]]]:
    if isinstance(content, list):
        return [(str(name), [UNNAMED]) for name in content]
    if dataset is not None:
        if dataset not in content:
            raise UnknownName("dataset", dataset, content)
        content = content[dataset]
    if "ATTRIBUTES" in content:
        counts = content["ATTRIBUTES_NUM"]
        return [(name, _numbered(counts[name])) for name in content["ATTRIBUTES"]]
    if "attributes" in content:
        return [(entry["name"], _numbered(entry["num"])) for entry in content["attributes"]]
    if nested := [name for name, entry in content.items() if isinstance(entry, dict)]:
        raise InputError(f"The meta file describes {', '.join(nested)}; say which one with --dataset.")
    if single := [name for name, values in content.items() if not isinstance(values, list)]:
        raise TypeError(f"'{single[0]}' has no list of values")
    return [(name, [str(value) for value in values]) for name, values in content.items()]


def _sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbered(count: int) -> list[str]:
    return [str(value) for value in range(int(count))]
