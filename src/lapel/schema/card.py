"""What a model is: its card, and the preprocessing that belongs to its weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from lapel.errors import ModelError
from lapel.schema.vocabulary import Vocabulary

CARD_FORMAT = 1
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Resize = Literal["crop", "stretch", "pad"]


@dataclass(frozen=True)
class Preprocess:
    """How an RGB picture becomes the model's (3, height, width) float32 input.

    resize: "crop" scales the shorter side to `short_side` and cuts the centre (the published recipes);
        "stretch" scales to (height, width) whatever the shape; "pad" fits inside and pads with `fill`.
    centre: of "stretch", the share of each side that is read, from the middle, above 0 and at most 1: a model that
        learnt from random parts of its photos then sees things as large as it knows them.
    mean, std: per channel, on pixels scaled to [0, 1].
    """

    height: int = 224
    width: int = 224
    resize: Resize = "crop"
    short_side: int = 224
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    fill: int = 255
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    centre: float = 1.0

    @property
    def scaled(self) -> tuple[int, int]:
        """Of "stretch": (height, width) in pixels of the whole photo, of which the input is the middle."""
        return round(self.height / self.centre), round(self.width / self.centre)

    @property
    def whole(self) -> Preprocess:
        """The same, of the whole photo where this reads its middle."""
        return replace(self, centre=1.0)

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads; a centre of 1 is not said, so that fingerprints made before there was one stay."""
        data = asdict(self)
        if self.centre == 1:
            del data["centre"]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Preprocess:
        """Read back what `asdict` wrote."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class Crops:
    """How a model of two branches cuts regions out of the original photo for its local branch.

    threshold: share of a map's range above which a position belongs to the region. height, width: what the local
    branch reads, in pixels. beta: the global branch's share of the joint cosine; the local one has the rest.
    """

    threshold: float = 0.1
    height: int = 112
    width: int = 112
    beta: float = 0.6


@dataclass(frozen=True)
class Card:
    """What a model is, learnt from, and scores. It travels inside every checkpoint, export and catalogue.

    Shapes it promises: embeddings (B, K, `dim`), regions (B, K, `grid`), value probabilities (B, V),
    whole-look embedding (B, `look_dim`), and, where `composed_dim` > 0, composed embedding (B, `composed_dim`).
    """

    name: str
    system: str
    backbone: str
    vocabulary: Vocabulary
    preprocess: Preprocess
    dim: int
    look_dim: int
    grid: tuple[int, int]
    composed_dim: int = 0
    weights_sha256: str = ""
    pretrained: str = ""
    values_fitted: bool = False
    attends: bool = True
    learnt_from: tuple[dict[str, Any], ...] = ()
    scores: dict[str, Any] = field(default_factory=dict)
    architecture: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    licence: str = "Apache-2.0"
    format: int = CARD_FORMAT

    @property
    def fingerprint(self) -> str:
        """16 hex digits of everything that changes an embedding: weights, preprocessing, attributes, system."""
        parts = [self.weights_sha256, self.system, self.backbone, self.dim, self.look_dim, self.composed_dim]
        content = [*parts, self.preprocess.to_dict(), self.vocabulary.to_dict()]
        if self.crops is not None:
            content.append(asdict(self.crops))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def origin(self) -> str:
        """Code and weights in one line: under which licence, and whether research-only photos took part."""
        research = any("research use" in str(source.get("terms", "")) for source in self.learnt_from)
        return f"code {self.licence}" + ("; weights learnt partly from research-only photos" if research else "")

    @property
    def without_words(self) -> Card:
        """The card of the same model before it was taught words; its own where it was not, or the base is unknown."""
        base = (self.architecture.get("composed") or {}).get("base_sha256")
        return replace(self, composed_dim=0, weights_sha256=base) if self.composed_dim and base else self

    @property
    def crops(self) -> Crops | None:
        """How regions are cut out of the photo; None for a model that reads only its input."""
        asked = self.architecture.get("crops")
        return Crops(**asked) if asked else None

    def with_(self, **changes: Any) -> Card:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """JSON text; `from_json` reads it back."""
        data = asdict(self) | {"vocabulary": self.vocabulary.to_dict(), "fingerprint": self.fingerprint}
        data["preprocess"] = self.preprocess.to_dict()
        return json.dumps(data, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Read a card.

        Raises:
            ModelError: not a card, or of a format this version does not read.
        """
        try:
            data = json.loads(text)
            found = data.pop("format")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError("This is not a Lapel model card (JSON with a 'format').") from error
        if found != CARD_FORMAT:
            raise ModelError(
                f"The card has format {found}; this version of Lapel reads format {CARD_FORMAT}. "
                "Export or import the model again with this version."
            )
        stated = data.pop("fingerprint", None)
        try:
            data["vocabulary"] = Vocabulary.of(data["vocabulary"])
            data["preprocess"] = Preprocess.from_dict(data["preprocess"])
            data["grid"] = tuple(data["grid"])
            data["learnt_from"] = tuple(data["learnt_from"])
            card = cls(**data)
        except (KeyError, TypeError) as error:
            raise ModelError(f"The model card is incomplete or has unknown fields: {error}.") from error
        if stated is not None and stated != card.fingerprint:
            raise ModelError(
                f"The card of '{card.name}' was changed by hand: its fingerprint is {card.fingerprint}, "
                f"it states {stated}. Export the model again."
            )
        return card
