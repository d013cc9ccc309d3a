"""A released checkpoint becomes one of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lapel.errors import InputError, UnknownName
from lapel.models import checkpoint
from lapel.models.published import published_card, published_model, read_published
from lapel.schema import Card, Vocabulary

UNNAMED = "unnamed"
"""The one value of an attribute whose values the importer was not told."""


def import_checkpoint(
    path: str | Path, system: str, vocabulary: Vocabulary, out: str | Path, name: str = "", learned: bool = True
) -> Card:
    """Read a released `.pth.tar` strictly and write a Lapel checkpoint.

    Args:
        path: of the released file. system: asen, asen_v2 or csn.
        vocabulary: the attributes in the order of training (`read_vocabulary`).
        out: the .safetensors to write. name: of the model; the file's name when empty.
        learned: csn only: whether its masks were learnt (they pass through a ReLU) or fixed.

    Returns:
        The card as stored.

    Raises:
        CheckpointError: the file is unsafe, or not of this system with so many attributes.
        InputError: `out` does not end in .safetensors.
    """
    if Path(out).suffix != ".safetensors":
        raise InputError(f"'{out}' should end in .safetensors, the format of Lapel checkpoints.")
    state, numbers = read_published(path)
    options: dict[str, Any] = {"learned": learned} if system == "csn" else {}
    model, _ = published_model(system, state, len(vocabulary), **options)
    sized = type(model)(model.backbone, model.head, tuple(len(attribute.values) for attribute in vocabulary))
    card = published_card(name or Path(path).name.split(".")[0], model, system, vocabulary, numbers)
    return checkpoint.save(out, sized.eval(), card)


def read_vocabulary(source: str | Path | Sequence[str], dataset: str | None = None) -> Vocabulary:
    """The attributes of a released checkpoint.

    source: names; or a file: JSON (a list of names, name -> values, or the published meta.json in either shape,
    with `dataset` naming the entry), or text with a name a line. Values known only by number are named "0", "1", ...

    Raises:
        InputError: the file is missing or holds no attribute list.
        UnknownName: meta.json has no such dataset.
    """
    if not isinstance(source, (str, Path)):
        return Vocabulary.of({attribute: [UNNAMED] for attribute in source})
    path = Path(source)
    if not path.is_file():
        raise InputError(f"No attribute list at '{path}'. Give a file, or the names: --attributes neckline,sleeve.")
    text = path.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except ValueError:
        names = [line.strip() for line in text.splitlines() if line.strip()]
        return Vocabulary.of({attribute: [UNNAMED] for attribute in names})
    try:
        return Vocabulary.of(_values(content, dataset))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"'{path}' holds no attribute list: a list of names, name -> values, or meta.json.") from error


def _values(content: Any, dataset: str | None) -> dict[str, list[str]]:
    if isinstance(content, list):
        return {str(name): [UNNAMED] for name in content}
    if dataset is not None:
        if dataset not in content:
            raise UnknownName("dataset", dataset, content)
        content = content[dataset]
    if "ATTRIBUTES" in content:
        counts = content["ATTRIBUTES_NUM"]
        return {name: _numbered(counts[name]) for name in content["ATTRIBUTES"]}
    if "attributes" in content:
        return {entry["name"]: _numbered(entry["num"]) for entry in content["attributes"]}
    if nested := [name for name, entry in content.items() if isinstance(entry, dict)]:
        raise InputError(f"The meta file describes {', '.join(nested)}; say which one with --dataset.")
    return {name: [str(value) for value in values] for name, values in content.items()}


def _numbered(count: int) -> list[str]:
    return [str(value) for value in range(int(count))]
