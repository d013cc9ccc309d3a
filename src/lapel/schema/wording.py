"""How the command line and written pages say what a name alone would say wrongly.

`gender` is the section of a shop that a garment is sold in, never a person; `skin_exposure` is of the body and not of
the garment, so it serves for slices of scores and is offered nowhere unless it is asked for by name. The search page
says the same in its own words.
"""

from __future__ import annotations

from collections.abc import Iterable

SLICES_ONLY = frozenset({"skin_exposure"})
"""Attributes by which scores may be sliced, and that are offered nowhere."""

_NAMES = {"gender": "section"}
_VALUES = {
    "gender": {
        "female": "women's", "male": "men's", "Women": "women's", "Men": "men's",
        "Girls": "girls'", "Boys": "boys'", "Unisex": "unisex",
    }
}  # fmt: skip
_MEANS = {
    "gender": "the section a garment is sold in",
    "skin_exposure": "for slices of scores only",
}


def offered(names: Iterable[str]) -> tuple[str, ...]:
    """The attributes that are shown unless others are asked for by name."""
    return tuple(name for name in names if name not in SLICES_ONLY)


def spoken(name: str) -> str:
    """`sleeve_length` -> "sleeve length", `gender` -> "section"."""
    return _NAMES.get(name, name.replace("_", " "))


def spoken_value(name: str, value: str) -> str:
    """The value as a person reads it: gender's "female" -> "women's"."""
    return _VALUES.get(name, {}).get(value, value)


def meaning(name: str) -> str:
    """What an attribute means where its name misleads; "" elsewhere."""
    return _MEANS.get(name, "")
