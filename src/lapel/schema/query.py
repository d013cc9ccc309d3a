"""A search query: the same record, and the same JSON, for Python, command line, HTTP and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from lapel.errors import QueryError

WHOLE_LOOK, WORDS, COMPOSED = "look", "words", "composed"
"""Names that stand beside the attributes: the whole-look embedding; a text; a reference changed by a text."""

LONGEST_TEXT, LARGEST = 1_000, 1e300
_KEYS = ("parts", "where", "k", "diverse")
_PART_KEYS = ("reference", "weights", "text", "weight", "unlike")


@dataclass(frozen=True)
class Part:
    """One wish. Its kind follows from what it holds:

    - a reference alone: look like it in these attributes (or in the whole look);
    - a text alone (`Part.words`): be what the words say;
    - a reference and a text (`Part.composed`): look like the reference after this change.

    reference: a picture's path or name, or `item:ID` for an item of the catalogue; empty for words.
    weights: attribute (or "look") -> weight > 0; a text's one weight stands under "words" or "composed".
    unlike: turns the part into "and not like this".
    """

    reference: str | Path
    weights: Mapping[str, float]
    unlike: bool = False
    text: str = ""

    def __post_init__(self) -> None:
        for attribute, weight in self.weights.items():
            if not _is_number(weight) or weight <= 0:
                raise QueryError(f"The weight of '{attribute}' is {_shown(weight)}; a weight is a number above 0.")
        if self.text:
            _check_text(self)
        elif not str(self.reference):
            raise QueryError("A part of the query is empty; give a reference (a photo or item:ID), a text, or both.")
        elif not self.weights:
            raise QueryError(f"The reference '{self.reference}' names no attribute to compare.")

    @classmethod
    def words(cls, text: str, weight: float = 1.0, unlike: bool = False) -> Part:
        """Be what these words say."""
        _need_text(text)
        return cls("", {WORDS: weight}, unlike, text)

    @classmethod
    def composed(cls, reference: str | Path, text: str, weight: float = 1.0, unlike: bool = False) -> Part:
        """Look like the reference after the change that the text asks for."""
        _need_text(text)
        return cls(reference, {COMPOSED: weight}, unlike, text)

    @classmethod
    def from_dict(cls, data: Any, place: str = "A part") -> Part:
        """Read back what `to_dict` wrote; `place` begins the error messages.

        Raises:
            QueryError: an unknown, missing or wrongly typed entry.
        """
        if not isinstance(data, Mapping):
            raise QueryError(f"{place} is {_shown(data)}; expected an object with a 'reference', a 'text', or both.")
        _known_keys(data, _PART_KEYS, place)
        reference, text = _text(data, "reference", place), _text(data, "text", place)
        unlike = _flag(data, "unlike", place)
        if "text" in data and not text.strip():
            raise QueryError(f"{place}: 'text' is empty; write what is wished, or leave it out.")
        if not text:
            if "weight" in data:
                raise QueryError(f"{place} looks like a reference, so it has 'weights' by attribute, not one 'weight'.")
            return cls(reference, _weights(data, place), unlike)
        if "weights" in data:
            raise QueryError(f"{place} holds a text, so it has one 'weight', not 'weights' by attribute.")
        weight = _number(data.get("weight", 1.0), f"{place}: 'weight'")
        return cls.composed(reference, text, weight, unlike) if reference else cls.words(text, weight, unlike)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not set is left out."""
        data: dict[str, Any] = {"reference": str(self.reference)} if str(self.reference) else {}
        if self.text:
            data |= {"text": self.text, "weight": next(iter(self.weights.values()))}
        else:
            data["weights"] = dict(self.weights)
        return data | ({"unlike": True} if self.unlike else {})


@dataclass(frozen=True)
class Query:
    """Parts whose weighted cosines add up, a filter, and how many hits.

    score(item) = sum over parts and attributes of weight * cosine, `unlike` parts subtracted. Weights are
    divided by the sum of the weights of the wished (not `unlike`) parts, so a score without `unlike` is at most 1.

    where: see `lapel.search.where`. k: how many hits. diverse: fold near duplicates into the best of them.
    """

    parts: tuple[Part, ...]
    where: str = ""
    k: int = 20
    diverse: bool = False

    def __post_init__(self) -> None:
        if not any(not part.unlike for part in self.parts):
            raise QueryError(
                "A query needs at least one wish: a reference to look like (--like PHOTO:attribute=weight) or words."
            )
        if self.k < 1:
            raise QueryError(f"k is {_shown(self.k)}; ask for at least one hit.")

    @property
    def references(self) -> tuple[str, ...]:
        """The names of all references, each once, in order."""
        return tuple(dict.fromkeys(str(part.reference) for part in self.parts if str(part.reference)))

    @classmethod
    def from_dict(cls, data: Any) -> Query:
        """Read a query's JSON object; nothing is guessed.

            {"parts": [{"reference": "item:42", "weights": {"neckline": 0.7, "look": 0.3}},
                       {"reference": "a.jpg", "weights": {"color": 1}, "unlike": true},
                       {"text": "for a party", "weight": 0.5},
                       {"reference": "item:42", "text": "but in red"}],
             "where": "price < 50", "k": 20, "diverse": true}

        Raises:
            QueryError: an unknown, missing or wrongly typed entry; the message names it.
        """
        if not isinstance(data, Mapping):
            raise QueryError(f"The query is {_shown(data)}; expected an object with 'parts'.")
        _known_keys(data, _KEYS, "The query")
        parts, k = data.get("parts"), data.get("k", 20)
        if not isinstance(parts, (list, tuple)):
            raise QueryError(f"The query's 'parts' is {_shown(parts)}; expected a list of parts.")
        if isinstance(k, bool) or not isinstance(k, int):
            raise QueryError(f"The query's 'k' is {_shown(k)}; expected a whole number above 0.")
        read = tuple(Part.from_dict(part, f"Part {place}") for place, part in enumerate(parts, 1))
        return cls(read, _text(data, "where", "The query"), k, _flag(data, "diverse", "The query"))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not set is left out. `from_dict` reads it back, equal."""
        data: dict[str, Any] = {"parts": [part.to_dict() for part in self.parts], "k": self.k}
        return data | ({"where": self.where} if self.where else {}) | ({"diverse": True} if self.diverse else {})


def why_no_json(error: Exception) -> str:
    """What `json.loads` stumbled over, in words for whoever wrote the text."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if "integer string conversion" in str(error):
        return "a whole number in it has thousands of digits"
    return (str(error).splitlines() or ["unreadable"])[0][:200]


def _check_text(part: Part) -> None:
    _need_text(part.text)
    kind = COMPOSED if str(part.reference) else WORDS
    if set(part.weights) != {kind}:
        raise QueryError(
            f"A part with the text '{part.text[:40]}' has one weight, under '{kind}'; it has {sorted(part.weights)}. "
            "To compare attributes with the same reference, add a part without text."
        )


def _need_text(text: str) -> None:
    if not text.strip():
        raise QueryError("The text of a part is empty; write what is wished.")
    if len(text) > LONGEST_TEXT:
        raise QueryError(f"A text has {len(text)} characters; at most {LONGEST_TEXT} are read.")


def _known_keys(data: Mapping[Any, Any], known: tuple[str, ...], place: str) -> None:
    for key in data:
        if key not in known:
            raise QueryError(f"{place} has an unknown entry {_shown(key)}; expected {', '.join(known)}.")


def _text(data: Mapping[str, Any], key: str, place: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise QueryError(f"{place}: '{key}' is {_shown(value)}; expected text.")
    return value


def _flag(data: Mapping[str, Any], key: str, place: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise QueryError(f"{place}: '{key}' is {_shown(value)}; expected true or false.")
    return value


def _weights(data: Mapping[str, Any], place: str) -> dict[str, float]:
    given = data.get("weights", {WHOLE_LOOK: 1.0})
    if not isinstance(given, Mapping):
        raise QueryError(f"{place}: 'weights' is {_shown(given)}; expected an object of attribute and weight.")
    return {_name(name, place): _number(weight, f"{place}: the weight of '{name}'") for name, weight in given.items()}


def _name(name: Any, place: str) -> str:
    if not isinstance(name, str):
        raise QueryError(f"{place}: {_shown(name)} is no attribute's name.")
    return name


def _number(value: Any, what: str) -> float:
    if not _is_number(value):
        raise QueryError(f"{what} is {_shown(value)}; expected a number above 0.")
    return float(value)


def _is_number(value: Any) -> bool:
    """Whole numbers have no bound in Python; one that no float can hold would fail in the middle of a search."""
    real = isinstance(value, (int, float, Real)) and not isinstance(value, bool)
    return real and bool(-LARGEST < value < LARGEST)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out a whole number of thousands of digits
        return f"{type(value).__name__} too long to write out"
    return text if len(text) <= 60 else text[:57] + "..."
