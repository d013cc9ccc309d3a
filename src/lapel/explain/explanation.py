"""Why this hit: what each part added, where the model looked on query and hit, and what it takes both to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.errors import InputError
from lapel.explain.overlays import data_uri
from lapel.schema import Card, Contribution, Floats

DIGITS = 6


@dataclass(frozen=True)
class Seen:
    """One picture as the model saw it.

    name: the reference's name, or the item's id. thumb: JPEG bytes. regions: attribute -> (h, w), summing to 1, for
    the attributes asked of it; empty when the model does not attend. values: the same attributes -> every value and
    its probability, most probable first; empty when the model's values are not fitted.
    """

    name: str
    thumb: bytes
    regions: Mapping[str, Floats] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the thumbnail as a data URI, regions as rows of numbers."""
        return {
            "name": self.name,
            "thumb": data_uri(self.thumb, "jpeg") if self.thumb else None,
            "regions": {
                name: [[round(float(x), DIGITS) for x in row] for row in m] for name, m in self.regions.items()
            },
            "values": {name: {v: round(p, DIGITS) for v, p in found.items()} for name, found in self.values.items()},
        }


@dataclass(frozen=True)
class Explanation:
    """Why an item scores as it does for a query.

    parts: the terms; their `added` sum up to the score. references: one a picture that the query names, in order.
    hit: the item. A region is asked of a reference for the attributes that the query compares with it, and of the hit
    for all of them.
    """

    item: str
    score: float
    parts: tuple[Contribution, ...]
    references: tuple[Seen, ...]
    hit: Seen
    card: Card

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the query asks for, each once, in order."""
        known = self.card.vocabulary.names
        return tuple(dict.fromkeys(part.attribute for part in self.parts if part.attribute in known))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "item": self.item,
            "score": round(self.score, DIGITS),
            "parts": [part.to_dict() | {"added": round(part.added, DIGITS)} for part in self.parts],
            "attributes": list(self.attributes),
            "references": [seen.to_dict() for seen in self.references],
            "hit": self.hit.to_dict(),
            "model": {"name": self.card.name, "fingerprint": self.card.fingerprint},
        }

    def html(self) -> str:
        """One page without outside assets."""
        from lapel.explain.why_page import page

        return page(self)

    def png(self) -> bytes:
        """One picture: a row for the query's references and the hit, a column for each attribute asked for."""
        from lapel.explain.why_picture import picture

        return picture(self)

    def save(self, path: str | Path) -> Path:
        """Write the page (.html), the picture (.png) or the facts (.json), by the file's ending.

        Raises:
            InputError: another ending.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".html" | ".htm":
                target.write_text(self.html(), encoding="utf-8")
            case ".png":
                target.write_bytes(self.png())
            case ".json":
                target.write_text(json.dumps(self.to_dict(), ensure_ascii=False), encoding="utf-8")
            case _:
                raise InputError(f"'{path}' ends in none of .html, .png and .json; an explanation is saved as one.")
        return target
