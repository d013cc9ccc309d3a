"""What makes one recipe of another: changes at any depth, and weights that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lapel.runtime.shipped import shipped, training_checkpoint

STAGE_BEFORE = ("best", "last")
"""What a later stage of a chained recipe calls the checkpoints of the stage before."""


def at_hand(weights: str) -> str:
    """The weights named, or "random" where they are a file that is not there."""
    return weights if weights in ("packaged", "random") or Path(weights).is_file() else "random"


def startable(model: str) -> bool:
    """Whether a model to continue, or to learn from, is there: a shipped one with its training checkpoint, a run or a
    file, or the stage before ("best", "last").
    """
    if model in STAGE_BEFORE:
        return True
    return Path(model).exists() if model not in shipped() else training_checkpoint(model) is not None


def merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with some of its keys changed, at any depth; lists are replaced whole."""
    result = dict(content)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
