"""Which attributes a release has and what its files are called, from whichever of its own descriptions lies there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lapel.errors import TableError

FILES: Mapping[str, str] = {
    **{f"images {split}": f"filenames_{split}.txt" for split in ("train", "valid", "test")},
    **{f"labels {split}": f"label_{split}.txt" for split in ("train", "valid")},
    **{f"query {split}": f"query_{split}.txt" for split in ("valid", "test")},
    **{f"gallery {split}": f"candidate_{split}.txt" for split in ("valid", "test")},
}
"""Role and split -> file name, unless the release says otherwise."""


@dataclass(frozen=True)
class Facts:
    """attributes: name -> number of values, in index order. files: as `FILES`. source: where this was read."""

    attributes: Mapping[str, int]
    files: Mapping[str, str] = field(default_factory=lambda: FILES)
    source: str = "what is published"


def find_facts(root: Path, title: str, attributes: Mapping[str, int]) -> Facts:
    """The facts beside a release: `meta.json` in either shape, or the YAML of ASEN++ and RPF, else what is published.

    Looked for in `root` and in the folder above it: first `meta.json`, then `TITLE.yaml`.

    Raises:
        TableError: the description cannot be read, contradicts itself, or does not name this release.
    """
    for folder in (root, root.parent):
        for name in ("meta.json", f"{title}.yaml", f"{title}.yml"):
            if (folder / name).is_file():
                facts = _read(folder / name, title)
                if facts is not None:
                    return facts
    return Facts(attributes)


def _read(file: Path, title: str) -> Facts | None:
    """None when the file describes other releases only."""
    try:
        text = file.read_text("utf-8")
        content = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise TableError(f"{file}: this cannot be read: {' '.join(str(error).split())}.") from error
    try:
        if file.suffix != ".json":
            return _from_yaml(file, content["DATA"])
        known = {name.casefold(): part for name, part in content.items()}
        if title.casefold() not in known:
            return None
        return _from_meta(file, known[title.casefold()])
    except (KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{file}: this does not describe {title} as the releases do ({type(error).__name__}: {error}). It names "
            "attributes and their numbers of values: ATTRIBUTES with ATTRIBUTES_NUM, or attributes with name and num, "
            "or DATA.ATTRIBUTES.NAME with NUM."
        ) from error


def _from_meta(file: Path, part: Mapping[str, Any]) -> Facts:
    if "ATTRIBUTES" in part:
        return Facts(_numbers({name: part["ATTRIBUTES_NUM"][name] for name in part["ATTRIBUTES"]}), source=str(file))
    files = dict(FILES)
    for split in ("train", "valid", "test"):
        listed = part.get(split, {})
        if "fname_list" in listed:
            files[f"images {split}"] = str(listed["fname_list"])
        labels = listed.get("label_file", {})
        if isinstance(labels, str):
            files[f"labels {split}"] = labels
        else:
            files |= {f"{ours} {split}": str(labels[name]) for ours, name in _LISTS.items() if name in labels}
    return Facts(_numbers({a["name"]: a["num"] for a in part["attributes"]}), files, str(file))


_LISTS = {"query": "query", "gallery": "candidate"}


def _from_yaml(file: Path, data: Mapping[str, Any]) -> Facts:
    names, numbers = data["ATTRIBUTES"]["NAME"], data["ATTRIBUTES"]["NUM"]
    if len(names) != len(numbers) or data.get("NUM_ATTRIBUTES", len(names)) != len(names):
        raise TableError(
            f"{file}: {len(names)} attributes are named, {len(numbers)} have a number of values, and NUM_ATTRIBUTES is "
            f"{data.get('NUM_ATTRIBUTES', 'not given')}; the three must agree."
        )
    files = dict(FILES)
    for split in ("train", "valid", "test"):
        told = {
            f"images {split}": data.get("PATH_FILE", {}).get(split.upper()),
            f"labels {split}": data.get("GROUNDTRUTH", {}).get(split.upper()),
            f"query {split}": data.get("GROUNDTRUTH", {}).get("QUERY", {}).get(split.upper()),
            f"gallery {split}": data.get("GROUNDTRUTH", {}).get("CANDIDATE", {}).get(split.upper()),
        }
        files |= {key: name for key, name in told.items() if name}
    return Facts(_numbers(dict(zip(names, numbers, strict=True))), files, str(file))


def _numbers(attributes: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in attributes.items()}
