"""What a search gives back: hits, the terms that add up to their scores, and how they were found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lapel.errors import QueryError

DIGITS = 6


class Explained(Protocol):
    """Why a hit is one; `lapel.explain.Explanation` is the one there is."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: contributions, regions and predicted values of references and hit."""
        ...

    def html(self) -> str:
        """One page without outside assets."""
        ...

    def png(self) -> bytes:
        """The same as one picture."""
        ...

    def save(self, path: str | Path) -> Path:
        """Write the page (.html), the picture (.png) or the facts (.json)."""
        ...


@dataclass(frozen=True)
class Contribution:
    """One term of a hit's score: weight (normalised, negative for `unlike`) * cosine.

    attribute: "look" for the whole look, "words" for a text, "composed" for a reference changed by a text.
    reference: empty for words. text: of words and composed parts.
    """

    reference: str
    attribute: str
    weight: float
    cosine: float
    text: str = ""

    @property
    def added(self) -> float:
        """What the term adds to the score."""
        return self.weight * self.cosine

    @property
    def source(self) -> str:
        """The reference, the text, or both, as people read them."""
        return " + ".join(part for part in (self.reference, f"“{self.text}”" if self.text else "") if part)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, rounded to six decimals."""
        named = {"reference": self.reference, "attribute": self.attribute} | ({"text": self.text} if self.text else {})
        return named | {"weight": round(self.weight, DIGITS), "cosine": round(self.cosine, DIGITS)}


@dataclass(frozen=True)
class Hit:
    """One answer: the item, its score, and the terms that add up to it.

    image: the photo's path. metadata: the item's own columns, empty cells left out. values: attribute -> most
    probable value and its probability. folded: ids of the near duplicates that stood behind it (diverse queries).
    """

    item: str
    score: float
    image: str
    parts: tuple[Contribution, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    folded: tuple[str, ...] = ()
    why: Callable[[], Explained] | None = field(default=None, repr=False, compare=False)

    def explain(self) -> Explained:
        """Where the model looked on the query's references and on this hit, and what each part added.

        Raises:
            QueryError: the hit was not given by an open catalogue (it was unpickled, or made by hand).
        """
        if self.why is None:
            raise QueryError(
                f"The hit '{self.item}' has lost its catalogue; ask it instead: catalogue.explain(query, item)."
            )
        return self.why()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; scores, cosines and probabilities rounded to six decimals."""
        values = {
            name: {"value": value, "probability": round(probability, DIGITS)}
            for name, (value, probability) in self.values.items()
        }
        return {
            "item": self.item,
            "score": round(self.score, DIGITS),
            "image": self.image,
            "parts": [part.to_dict() for part in self.parts],
            "metadata": dict(self.metadata),
            "values": values,
        } | ({"folded": list(self.folded)} if self.folded else {})

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the way back to the catalogue, which does not leave the process."""
        return self.__dict__ | {"why": None}


@dataclass(frozen=True)
class Answer:
    """The hits, how they were found, and among how many items.

    considered: items that passed the filter. exact: every one of them was compared. recall: when not exact, the share
    of the true hits that such searches found when it was last measured on this catalogue; None when exact.
    weights: every term's normalised weight, with cosine 1. notes: sentences on what was asked, for people: a text
    that no item seems to fit.
    """

    hits: tuple[Hit, ...]
    considered: int
    exact: bool
    weights: tuple[Contribution, ...] = ()
    recall: float | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the same for the command line, files and HTTP."""
        weights = [{key: value for key, value in w.to_dict().items() if key != "cosine"} for w in self.weights]
        return {
            "exact": self.exact,
            "recall": None if self.recall is None else round(self.recall, DIGITS),
            "considered": self.considered,
            "notes": list(self.notes),
            "weights": weights,
            "hits": [hit.to_dict() for hit in self.hits],
        }
