"""What classifying found: one guess an attribute and photo, JSON-ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLASSIFIED_FORMAT = 1


@dataclass(frozen=True)
class Guess:
    """One attribute of one photo.

    value: the most probable one. number: its id in the model's order. probabilities: value -> probability, most
    probable first; they sum to 1.
    score, scores: of style classifiers only: the published score, the softmax of bare logits (cosines of the release),
    of `value` and of every value. It has the order of the probabilities, and is no probability: of the release's three
    classes none can exceed 0.787.
    """

    value: str
    number: int
    probabilities: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def probability(self) -> float:
        """Of `value`."""
        return self.probabilities[self.value]

    @property
    def score(self) -> float | None:
        """The published score of `value`; None where the model's system has none."""
        return self.scores.get(self.value)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        data: dict[str, Any] = {
            "value": self.value,
            "id": self.number,
            "probability": round(self.probability, 6),
            "probabilities": {value: round(p, 6) for value, p in self.probabilities.items()},
        }
        if self.score is not None:
            data["published_score"] = round(self.score, 6)
            data["published_scores"] = {value: round(s, 6) for value, s in self.scores.items()}
        return data


@dataclass(frozen=True)
class Photo:
    """A photo and a guess for each attribute asked for."""

    image: Path
    guesses: Mapping[str, Guess]


@dataclass(frozen=True)
class Unread:
    """A photo that could not be read, and why, with the remedy."""

    image: Path
    reason: str


@dataclass(frozen=True)
class Classified:
    """Photos in the order given.

    model, fingerprint: which model guessed. calibrated: whether its probabilities were fitted to labelled photos.
    notes: what its card says besides, such as doubtful class names. unreadable: photos left out.
    """

    model: str
    fingerprint: str
    calibrated: bool
    photos: tuple[Photo, ...]
    unreadable: tuple[Unread, ...] = ()
    notes: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that were asked for."""
        return tuple(self.photos[0].guesses) if self.photos else ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "format": CLASSIFIED_FORMAT,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "calibrated": self.calibrated,
            "notes": self.notes,
            "photos": [
                {"image": str(photo.image), "attributes": {name: g.to_dict() for name, g in photo.guesses.items()}}
                for photo in self.photos
            ],
            "unreadable": [{"image": str(one.image), "reason": one.reason} for one in self.unreadable],
        }
