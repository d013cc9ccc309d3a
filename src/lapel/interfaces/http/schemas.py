"""The shapes that travel over HTTP, as the OpenAPI document shows them; answers are written from Lapel's records."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

TOKEN = "photo:b1946ac92492d2347c6235b4d2611184"
PART = {"reference": "item:42", "weights": {"neckline": 0.7, "look": 0.3}}
QUERY: dict[str, Any] = {"parts": [PART], "where": "price < 50", "k": 20}

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Record(BaseModel):
    """No entry beyond those named."""

    model_config = ConfigDict(extra="forbid")


def shown(*examples: dict[str, Any]) -> ConfigDict:
    """A record's configuration with examples for the document."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class LikePart(Record):
    """Look like this reference in these attributes; without weights, in the whole look."""

    model_config = shown(PART)
    reference: str = Field(
        min_length=1, description="`item:ID`, `photo:TOKEN`, or the file name of a photo sent along. Never a path."
    )
    weights: dict[str, Positive] = Field(
        default={"look": 1.0}, description='Attribute (or "look") -> weight. Only their ratios matter.', min_length=1
    )
    unlike: bool = Field(False, description="And not like this one: subtracted.")


class TextPart(Record):
    """A wish in words; with a reference, that reference after the change the words ask for."""

    model_config = shown({"text": "for a party", "weight": 0.5}, {"reference": "item:42", "text": "but in red"})
    text: str = Field(min_length=1, max_length=1000, pattern=r"\S")
    reference: str = Field("", description="As in a part with weights; left out, the words stand alone.")
    weight: Positive = 1.0
    unlike: bool = False


class Query(Record):
    """What is looked for: the same object for Python, the command line, HTTP and the page's address."""

    model_config = shown(QUERY)
    parts: list[LikePart | TextPart] = Field(min_length=1)
    where: str = Field("", description="A filter: `price < 50 and color = 'red'`.", max_length=10_000)
    k: int = Field(20, ge=1, description="How many hits.")
    diverse: bool = Field(False, description="Fold near duplicates into the best of them.")


class Term(Record):
    """One term of a score: its weight, normalised, negative for `unlike`."""

    model_config = shown({"reference": "item:42", "attribute": "neckline", "weight": 0.7})
    reference: str
    attribute: str = Field(description='"look" for the whole look, "words" for a text, "composed" for both.')
    text: str | None = Field(None, description="Of words and composed parts; left out otherwise.")
    weight: float


class Contribution(Term):
    """A term with the hit's cosine; weight times cosine is what it adds to the score."""

    model_config = shown({"reference": "item:42", "attribute": "neckline", "weight": 0.7, "cosine": 0.91})
    cosine: float = Field(ge=-1, le=1)


class Value(Record):
    """The most probable value of an attribute, as the model sees it."""

    model_config = shown({"value": "v-shape", "probability": 0.93})
    value: str
    probability: Share


class Pictured(Record):
    """An item with its picture's address."""

    item: str
    image: str = Field(description="Address of the picture kept in the catalogue.")
    thumb: str = Field(description="Address of a small picture, at most 256 pixels a side.")
    values: dict[str, Value]
    metadata: dict[str, str | int | float | bool | None] = Field(
        description="The item's own columns; empty ones absent."
    )


HIT: dict[str, Any] = {
    "item": "7",
    "image": "/v1/items/7/image",
    "thumb": "/v1/items/7/image",
    "values": {"neckline": {"value": "v-shape", "probability": 0.93}},
    "metadata": {"price": 39.9, "title": "Blue dress"},
}


class Hit(Pictured):
    """One answer: the item, its score, and the terms that add up to it."""

    score: float
    parts: list[Contribution]
    folded: list[str] | None = Field(None, description="Near duplicates that stood behind it, in diverse queries.")
    model_config = shown(
        HIT
        | {"score": 0.94, "parts": [{"reference": "item:42", "attribute": "neckline", "weight": 1.0, "cosine": 0.94}]}
    )


class Answer(Record):
    """The hits, how they were found, and among how many items."""

    model_config = shown(
        {
            "query": {"parts": [{"reference": "item:42", "weights": {"neckline": 1.0}}], "k": 1},
            "exact": True,
            "recall": None,
            "considered": 10000,
            "notes": [],
            "weights": [{"reference": "item:42", "attribute": "neckline", "weight": 1.0}],
            "hits": [
                HIT
                | {
                    "score": 0.94,
                    "parts": [{"reference": "item:42", "attribute": "neckline", "weight": 1.0, "cosine": 0.94}],
                }
            ],
        }
    )
    query: Query = Field(description="The query as it was understood.")
    exact: bool = Field(description="Every item that passed the filter was compared.")
    recall: Share | None = Field(description="When not exact: the share of true hits found, as last measured here.")
    considered: int = Field(ge=0, description="Items that passed the filter.")
    notes: list[str] = Field(description="Sentences for people: a text that no item seems to fit.")
    weights: list[Term]
    hits: list[Hit]


class ItemView(Pictured):
    """What is kept of one item."""

    model_config = shown(
        HIT | {"labels": {"neckline": ["v-shape"]}, "probabilities": {"neckline": {"v-shape": 0.93, "round": 0.07}}}
    )
    labels: dict[str, list[str]] = Field(description="What the catalogue's table says of it.")
    probabilities: dict[str, dict[str, Share]] = Field(description="All values as the model sees them.")


class ItemList(Record):
    """Some items in the order in which they were added."""

    model_config = shown({"items": [HIT], "total": 10000, "offset": 0})
    items: list[Pictured]
    total: int = Field(ge=0, description="Items that pass the filter.")
    offset: int = Field(ge=0)


class Frame(Record):
    """Where a region's grid lies on the picture, in per cent of its width and height; it may reach beyond."""

    model_config = shown({"left": 0.0, "top": -12.5, "width": 100.0, "height": 125.0})
    left: float
    top: float
    width: float
    height: float


Grid = list[list[Share]]
FRAME = {"left": 0.0, "top": 0.0, "width": 100.0, "height": 100.0}


class SeenView(Record):
    """A picture as the model saw it."""

    model_config = shown(
        {
            "name": "item:42",
            "thumb": "data:image/jpeg;base64,/9j/4AAQSkZJRg==",
            "regions": {"neckline": [[0.1, 0.7], [0.1, 0.1]]},
            "values": {"neckline": {"v-shape": 0.93, "round": 0.07}},
            "frame": FRAME,
        }
    )
    name: str
    thumb: str | None = Field(description="The picture itself, as a data address.")
    regions: dict[str, Grid] = Field(description="Attribute -> rows of a grid that sums to 1: where the model looked.")
    values: dict[str, dict[str, Share]] = Field(description="Attribute -> value -> probability, most probable first.")
    frame: Frame


class AddedTerm(Contribution):
    """A term of an explained score."""

    model_config = shown(
        {"reference": "item:42", "attribute": "neckline", "weight": 1.0, "cosine": 0.94, "added": 0.94}
    )
    added: float = Field(description="Weight times cosine.")


class ModelName(Record):
    """Which model says so."""

    name: str
    fingerprint: str


class ExplanationView(Record):
    """Why an item scores as it does: the terms that add up to the score, and where the model looked."""

    query: Query
    item: str
    score: float
    parts: list[AddedTerm]
    attributes: list[str]
    model: ModelName
    references: list[SeenView]
    hit: SeenView


class PhotoView(Record):
    """What the model sees on a photo that was sent, and the name that stands for it in queries."""

    model_config = shown(
        {
            "photo": TOKEN,
            "image": "/v1/photos/b1946ac92492d2347c6235b4d2611184/image",
            "thumb": "/v1/photos/b1946ac92492d2347c6235b4d2611184/image",
            "seconds": 3600.0,
            "values": {"neckline": {"value": "v-shape", "probability": 0.93}},
            "probabilities": {"neckline": {"v-shape": 0.93, "round": 0.07}},
            "regions": {"neckline": [[0.1, 0.7], [0.1, 0.1]]},
            "frame": FRAME,
        }
    )
    photo: str = Field(description="`photo:TOKEN`, a reference for queries.", pattern="^photo:")
    image: str
    thumb: str
    seconds: float = Field(description="It is kept for so long after its last use, or until many others came.")
    values: dict[str, Value]
    probabilities: dict[str, dict[str, Share]]
    regions: dict[str, Grid]
    frame: Frame


class Explain(Record):
    """A query and the item to explain."""

    model_config = shown({"query": QUERY, "item": "7"})
    query: Query
    item: str
