"""What a case overrides of a published configuration: names and values in turn, as the yacs commands take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.parity.cases import CaseError
from lapel.schema import Preprocess
from lapel.training.reference_keys import METHODS, OPEN

SHORT = "MODEL."
"""The style repository's cases leave this out before its head's options."""


def overrides(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration name -> value of a case, a case's `constructor` or one of its recipes; `options` or `opts`.

    Raises:
        CaseError: a name without a value, or one that no published configuration has.
    """
    inner = facts.get("constructor") or {}
    given = [part[key] for part in (facts, inner) for key in ("options", "opts") if part.get(key)]
    found: dict[str, Any] = {}
    for one in given:
        pairs = list(one.items()) if isinstance(one, Mapping) else _pairs(one)
        found |= {_full(str(name)): value for name, value in pairs}
    return found


def number(options: Mapping[str, Any], name: str, default: float) -> float:
    """A number among the overrides; YAML 1.1 reads 1e-4 as text, so text is taken too.

    Raises:
        CaseError: it is no number.
    """
    try:
        return float(options.get(name, default))
    except (TypeError, ValueError):
        raise CaseError(f"option '{name}' is {options[name]!r}, not a number") from None


def input_of(options: Mapping[str, Any]) -> Preprocess:
    """How photos become the global branch's input: centre crop of INPUT.GLOBAL_SIZE, mean and deviation."""
    side, plain = int(number(options, "INPUT.GLOBAL_SIZE", 224)), Preprocess()
    mean, std = (
        tuple(float(part) for part in options.get(f"INPUT.PIXEL_{name}", kept))
        for name, kept in (("MEAN", plain.mean), ("STD", plain.std))
    )
    if len(mean) != 3 or len(std) != 3 or not 32 <= side <= 2048:
        raise CaseError(f"an input of {side} pixels with mean {mean} and deviation {std} is none")
    return Preprocess(side, side, "crop", side, mean=mean, std=std)


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    if not isinstance(given, list) or len(given) % 2:
        raise CaseError(f"options must be names and values in turn; found {given!r}")
    return list(zip(given[::2], given[1::2], strict=True))


def _full(name: str) -> str:
    known = {key for keys in METHODS.values() for key in keys}
    for full in (name, f"{SHORT}{name}"):
        if full in known or full.startswith(tuple(f"{node}." for node in OPEN)):
            return full
    raise CaseError(f"option '{name}' is in no published configuration")
