"""Attributes and their values, in index order: what a model or a table knows how to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lapel.errors import TableError, UnknownName


@dataclass(frozen=True)
class Attribute:
    """One attribute (neckline) and its values (v-shape, round, ...) in index order."""

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) != len(self.values):
            raise TableError(f"Attribute '{self.name}' lists a value twice: {', '.join(self.values)}.")


@dataclass(frozen=True)
class Vocabulary:
    """The ordered attributes of a model or table. K = len(vocabulary); V = `width` = all values together."""

    attributes: tuple[Attribute, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise TableError(f"An attribute is named twice: {', '.join(self.names)}.")

    @classmethod
    def of(cls, values: Mapping[str, Iterable[str]]) -> Vocabulary:
        """From a mapping name -> values, both in index order."""
        return cls(tuple(Attribute(name, tuple(known)) for name, known in values.items()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Attribute names in index order."""
        return tuple(a.name for a in self.attributes)

    @cached_property
    def width(self) -> int:
        """V: the number of values of all attributes together."""
        return sum(len(a.values) for a in self.attributes)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where each attribute's values lie in an array of width V, in index order."""
        starts, at = [], 0
        for attribute in self.attributes:
            starts.append(slice(at, at + len(attribute.values)))
            at += len(attribute.values)
        return tuple(starts)

    def index(self, name: str) -> int:
        """The attribute's index k.

        Raises:
            UnknownName: with a suggestion and the full list.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise UnknownName("attribute", name, self.names, "This model") from None

    def select(self, names: Iterable[str]) -> Vocabulary:
        """The sub-vocabulary of these attributes, in the given order."""
        return Vocabulary(tuple(self.attributes[self.index(name)] for name in names))

    def to_dict(self) -> dict[str, list[str]]:
        """Name -> values, JSON-ready; `Vocabulary.of` reads it back."""
        return {a.name: list(a.values) for a in self.attributes}

    def __len__(self) -> int:
        return len(self.attributes)

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.attributes)

    def __getitem__(self, name: str) -> Attribute:
        return self.attributes[self.index(name)]
