"""Queries and their hits as one HTML file without outside assets: pictures, scores, parts, heat maps, values."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from lapel.explain.overlays import Overlay, data_uri, overlay
from lapel.explain.templates import template
from lapel.schema import Answer, Card, Contribution, Floats, Hit

TEMPLATE = "contact_sheet.html.j2"


@dataclass(frozen=True)
class Shown:
    """A picture on the sheet. thumb: JPEG bytes. regions: (K, h, w), or None when the model does not attend."""

    thumb: bytes
    regions: Floats | None
    card: Card

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        with Image.open(io.BytesIO(self.thumb)) as picture:
            return picture.size

    @property
    def uri(self) -> str:
        """The thumbnail as a data URI."""
        return data_uri(self.thumb, "jpeg")

    def overlays(self, attributes: Sequence[str]) -> dict[str, Overlay]:
        """One heat map an attribute; none for the whole look, which has no region."""
        if self.regions is None:
            return {}
        place = self.card.vocabulary.index
        maps = {name: self.regions[place(name)] for name in attributes if name in self.card.vocabulary.names}
        return {name: overlay(region, self.size, self.card.preprocess) for name, region in maps.items()}


@dataclass(frozen=True)
class Asked:
    """A reference of the query: its picture, what was wished of it, and what the model sees on it."""

    name: str
    picture: Shown
    wishes: tuple[Contribution, ...]
    values: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """One query and its answer. pictures: one a hit, in the order of the hits."""

    answer: Answer
    references: tuple[Asked, ...]
    pictures: tuple[Shown, ...]
    where: str = ""
    title: str = ""

    @property
    def attributes(self) -> list[str]:
        """What the query asked for, each once, in order."""
        return list(dict.fromkeys(w.attribute for w in self.answer.weights))

    @property
    def mapped(self) -> list[str]:
        """Attributes that have a heat map on this sheet."""
        shown = [*(asked.picture for asked in self.references), *self.pictures]
        known = {name for picture in shown if picture.regions is not None for name in picture.card.vocabulary.names}
        return [name for name in self.attributes if name in known]

    @property
    def ratio(self) -> float:
        """Width over height of every frame: the middle one of the pictures', between 2:3 and 4:3."""
        shapes = sorted(
            shown.size[0] / shown.size[1] for shown in (*self.pictures, *(a.picture for a in self.references))
        )
        return round(min(4 / 3, max(2 / 3, shapes[len(shapes) // 2])), 3) if shapes else 1.0

    def bars(self, hit: Hit) -> list[dict[str, Any]]:
        """What each part added to a hit's score: a bar whose full length is the sum of all weights."""
        whole = sum(abs(part.weight) for part in hit.parts) or 1.0
        return [
            {
                "attribute": part.attribute,
                "reference": f"“{part.text}”" if part.text else Path(part.reference).name,
                "added": part.weight * part.cosine,
                "length": round(100 * abs(part.weight * part.cosine) / whole, 2),
                "room": round(100 * abs(part.weight) / whole, 2),
                "weight": part.weight,
                "cosine": part.cosine,
            }
            for part in hit.parts
        ]


def contact_sheet(sections: Sequence[Section], card: Card, title: str = "", intro: str = "") -> str:
    """The whole page as HTML text.

    title, intro: above the first query; without a title the page is headed by the model's name.
    """
    return template(TEMPLATE).render(sections=sections, card=card, title=title, intro=intro)
