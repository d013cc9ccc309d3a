"""How a data set's queries are asked and ranked. Two figures compare only under one protocol, told by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from lapel.errors import ProtocolError, UnknownName

Gallery = Literal["split", "named"]
Captions = Literal["joined", "both orders", "each"]
Reference = Literal["kept", "removed"]


@dataclass(frozen=True)
class ComposedProtocol:
    """One way to evaluate.

    data: which data set's rules. gallery: "split" ranks every picture of the split, "named" only those that records
    name (FashionIQ's VAL protocol). captions: "joined" asks a record once, its captions in order; "both orders" asks
    twice; "each" asks once a caption. reference: whether it stays in the ranking.
    cutoffs: K of R@K. subset: K of subset recall (CIRR). headline: figures averaged into the one to choose by.
    """

    data: str
    gallery: Gallery = "split"
    captions: Captions = "joined"
    reference: Reference = "kept"
    cutoffs: tuple[int, ...] = (1, 10, 50)
    subset: tuple[int, ...] = ()
    headline: tuple[str, ...] = ("R@10", "R@50")

    @property
    def name(self) -> str:
        """Everything that makes figures unlike, in words."""
        return f"{self.data}: gallery {self.gallery}, captions {self.captions}, reference {self.reference}"

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures, in order."""
        return (*(f"R@{k}" for k in self.cutoffs), *(f"R_subset@{k}" for k in self.subset))


PROTOCOLS: Mapping[str, ComposedProtocol] = {
    "fashioniq": ComposedProtocol("fashioniq"),
    "fashioniq-val": ComposedProtocol("fashioniq", gallery="named", cutoffs=(1, 5, 10, 15, 20, 50)),
    "shoes": ComposedProtocol("shoes"),
    "fashion200k": ComposedProtocol("fashion200k", headline=("R@1", "R@10", "R@50")),
    "cirr": ComposedProtocol(
        "cirr",
        reference="removed",
        cutoffs=(1, 5, 10, 50),
        subset=(1, 2, 3),
        headline=("R@5", "R_subset@1"),
    ),
    "one-change": ComposedProtocol("one-change", reference="removed", headline=("R@1", "R@10", "R@50")),
}
"""Defaults as FashionERN's code evaluates; "one-change" is ours, for pairs made from a labelled table."""


def protocol_of(name: str, **changes: Any) -> ComposedProtocol:
    """A named protocol, with changes that become part of its name.

    Args:
        name: one of `PROTOCOLS`. changes: gallery, captions, reference.

    Raises:
        UnknownName: no such protocol.
        ProtocolError: a change to another value than the allowed ones.
    """
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    allowed = {"gallery": get_args(Gallery), "captions": get_args(Captions), "reference": get_args(Reference)}
    for key, value in changes.items():
        if key not in allowed:
            raise ProtocolError(f"A composed protocol has no '{key}'; it has {', '.join(allowed)}.")
        if value not in allowed[key]:
            raise ProtocolError(f"{key} is '{value}'; expected {' or '.join(map(repr, allowed[key]))}.")
    return replace(PROTOCOLS[name], **changes)
