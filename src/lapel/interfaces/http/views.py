"""Shapes of what is told about items added, the catalogue, the server, and what went wrong; see `schemas`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lapel.interfaces.http.schemas import Record, shown

Cell = str | bool | Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | list[str] | None


class NewItem(Record):
    """An item to add: its id, the name of its photo, and what is known of it."""

    model_config = shown({"id": "43", "photo": "dress.jpg", "metadata": {"price": 39.9, "color": ["red"]}})
    id: str = Field(min_length=1, max_length=500)
    photo: str = Field(min_length=1, description="The name of a file sent along.")
    metadata: dict[Annotated[str, Field(min_length=1, max_length=100)], Cell] = Field(
        default={}, description="Column -> text, number, true or false; a list of texts is a label of several values."
    )

    def cells(self) -> dict[str, Any]:
        """As a catalogue takes them: lists are labels, empty cells are left out."""
        return {
            name: frozenset(value) if isinstance(value, list) else value
            for name, value in self.metadata.items()
            if value not in (None, [])
        }


class Added(Record):
    """How many items were added, and how many there are."""

    model_config = shown({"added": 1, "items": 10001})
    added: int = Field(ge=0)
    items: int = Field(ge=0)


class Removed(Record):
    """How many items were removed, and how many there are."""

    model_config = shown({"removed": 1, "items": 9999})
    removed: int = Field(ge=0)
    items: int = Field(ge=0)


class AttributeView(Record):
    """An attribute that a query may name, and the values the model knows of it."""

    model_config = shown({"name": "neckline", "values": ["v-shape", "round"]})
    name: str
    values: list[str]


class CommonValue(Record):
    """A value of a column, and how many items hold it."""

    value: str | bool
    items: int = Field(ge=1)


class Column(Record):
    """A column that a filter may name. Numbers have ends, texts and flags their commonest values."""

    model_config = shown(
        {"name": "price", "type": "number", "label": False, "empty": 3, "least": 5.0, "greatest": 199.0},
        {
            "name": "color",
            "type": "text",
            "label": True,
            "empty": 0,
            "values": [{"value": "red", "items": 12}],
            "distinct": 1,
        },
    )
    name: str
    type: Literal["text", "integer", "number", "boolean"]
    label: bool = Field(description="Its cells may hold several values: `stripe|floral`.")
    empty: int = Field(ge=0, description="Items without a value.")
    least: float | None = None
    greatest: float | None = None
    values: list[CommonValue] | None = None
    distinct: int | None = Field(None, description="How many different values there are in all.")


class ModelView(Record):
    """The model that filled the catalogue, and what it may be used for."""

    name: str
    system: str
    backbone: str
    pretrained: str = Field(description="The weights it started from.")
    fingerprint: str
    licence: str
    origin: str = Field(description="The code's licence, and whether the weights learnt from research-only photos.")
    notes: str
    scores: dict[str, Any] = Field(description="How well it tells each attribute, with the protocol; may be empty.")
    learnt_from: list[dict[str, Any]] = Field(description="The data it learnt from, with their terms.")
    attends: bool = Field(description="It tells where it looked: there are heat maps.")
    values_fitted: bool = Field(description="It tells values and their probabilities.")


class LimitView(Record):
    """Beyond these a request is refused."""

    upload_bytes: int
    pixels: int
    side: int
    files: int
    k: int
    parts: int
    text: int
    query_bytes: int
    seconds: float
    waiting: int


class Vocabulary(Record):
    """Everything a page or program needs to ask this catalogue."""

    items: int = Field(ge=0)
    attributes: list[AttributeView]
    words: bool = Field(description="Parts with a text alone can be asked.")
    composed: bool = Field(description="Parts with a reference and a text can be asked.")
    columns: list[Column]
    model: ModelView
    write: bool = Field(description="Items can be added and removed.")
    limits: LimitView


class Health(Record):
    """Whether the server can answer."""

    model_config = shown({"status": "ok", "items": 10000, "version": "0.1.0", "trouble": ""})
    status: Literal["ok", "stale"] = Field(description="stale: the catalogue has changed and cannot be loaded.")
    items: int = Field(ge=0)
    version: str
    trouble: str = Field(description="Empty when all is well.")


class ProblemView(BaseModel):
    """What went wrong: RFC 9457 problem details."""

    model_config = ConfigDict(
        title="Problem",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:lapel:problem:query",
                    "title": "The request cannot be answered as asked",
                    "status": 422,
                    "detail": "Unknown attribute 'neckln'. Did you mean 'neckline'?",
                }
            ]
        },
    )
    type: str = Field(description="What kind of problem: a URN that programs may compare.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What was given, what was expected, how to mend it.")
