"""What one photo set teaches: captions from its labels and names, and one-change queries with their right answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from lapel.datasets.composed.products import read_pairs, said
from lapel.schema import ComposedQuery, ComposedSet, ItemTable

GROUPS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "fashion-products": (("article_type", "color", "gender", "usage", "season"),),
    "clothing-attributes": (
        ("category", "sleeve_length", "pattern", "color"),
        ("category", "sleeve_length", "neckline"),
    ),
}
"""Attributes of which one changes; several groups where one alone leaves few pairs."""

UNSAID = {"other"}
"""Values that nobody asks for in words."""

BEFORE = {"color": 0.8, "pattern": 0.5, "usage": 0.25}
AFTER = {
    "gender": (0.35, "for {}"),
    "sleeve_length": (0.4, "with {} sleeves"),
    "neckline": (0.3, "with a {} neckline"),
    "season": (0.1, "for {}"),
}
NOUNS = ("article_type", "category")
NAMED = 0.4
"""How often a caption mentions an attribute, and how often it is the product's own name instead."""

SLEEVES = {"sleeveless": 0, "short": 1, "long": 2}


class Question(NamedTuple):
    """A one-change query by rows of the table. right: every row that answers it."""

    reference: int
    text: str
    right: tuple[int, ...]


class Caption(NamedTuple):
    """A caption of a row and the labels that it states (attribute's place -> code); none for a product's name."""

    row: int
    text: str
    states: Mapping[int, int]


@dataclass(frozen=True)
class Lessons:
    """One photo set. places: (N, 14, axes), reduced as the picture encoder reads them."""

    items: ItemTable
    places: Tensor

    @cached_property
    def row(self) -> dict[str, int]:
        """Photo's id -> its row."""
        return {name: at for at, name in enumerate(self.items.ids)}

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Groups of attributes of which one changes; all of a table that has no groups of its own."""
        known = self.items.vocabulary.names
        return GROUPS.get(self.items.name, (tuple(known[:6]),))

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute that a lesson speaks of."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group))

    @cached_property
    def codes(self) -> Tensor:
        """(N, A) int64: the first value of each attribute, -1 where unknown."""
        columns = []
        for name in self.attributes:
            labels = self.items.labels(name)
            columns.append([labels.cells[c][0] if c >= 0 else -1 for c in labels.codes.tolist()])
        return torch.tensor(columns, dtype=torch.int64).T.contiguous()

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """Each attribute's values as a person says them."""
        return tuple(tuple(said(name, v) for v in self.items.labels(name).values) for name in self.attributes)

    @cached_property
    def names(self) -> list[str]:
        """Each product's own name; empty where there is none."""
        table = self.items.table
        return [str(n or "") for n in table["name"].to_pylist()] if "name" in table.column_names else [""] * len(table)

    def rows(self, split: str) -> list[int]:
        """Rows of a split."""
        return [self.row[name] for name in self.items.split(split).ids]

    def asked(self, split: str, seed: int = 1) -> list[ComposedSet]:
        """The one-change queries of a split, one set a group."""
        return [read_pairs(self.items, group, split, seed=seed) for group in self.groups]

    def questions(self, split: str, seed: int) -> list[Question]:
        """All groups' queries, those that name an unsaid value left out, some about sleeves as "longer", "shorter"."""
        random = Random(seed)
        found = []
        for query in (query for part in self.asked(split, seed) for query in part.queries):
            text = self._relative(query, random)
            if not UNSAID.intersection(text.split()):
                found.append(Question(self.row[query.reference], text, tuple(self.row[t] for t in query.targets)))
        return found

    def _relative(self, query: ComposedQuery, random: Random) -> str:
        change = query.id.removeprefix(f"{query.reference}:")
        name, _, new = change.partition("=")
        if name == "sleeve_length" and new in SLEEVES and random.random() < 0.4:
            place = self.attributes.index(name)
            old = self.items.labels(name).values[int(self.codes[self.row[query.reference], place])]
            return random.choice(("{} sleeves", "with {} sleeves", "but {} sleeves", "but with {} sleeves")).format(
                "longer" if SLEEVES[new] > SLEEVES.get(old, 1) else "shorter"
            )
        return query.captions[0]

    def caption(self, row: int, random: Random) -> Caption:
        """A caption drawn for a photo: its name, or a phrase of its labels."""
        if self.names[row] and random.random() < NAMED:
            return Caption(row, self.names[row], {})
        return phrase(row, self.codes[row].tolist(), self.attributes, self.words, random)


def phrase(
    row: int, codes: Sequence[int], attributes: Sequence[str], words: Sequence[Sequence[str]], random: Random
) -> Caption:
    """Words for labels: colour, pattern and use before the noun, the rest after it, each by chance."""
    known = {name: at for at, name in enumerate(attributes) if codes[at] >= 0 and words[at][codes[at]] not in UNSAID}
    chosen = [name for name in BEFORE if name in known and random.random() < BEFORE[name]]
    noun = next((name for name in NOUNS if name in known), None)
    if noun is None and not chosen:
        chosen = [name for name in BEFORE if name in known]
    after = [name for name in AFTER if name in known and random.random() < AFTER[name][0]]
    random.shuffle(after)
    value = {name: words[at][codes[at]] for name, at in known.items()}
    parts = [value[name] for name in chosen]
    if noun is not None:
        parts.append(singular(value[noun]) if random.random() < 0.5 else value[noun])
    parts += [AFTER[name][1].format(value[name]) for name in after]
    stated = [*chosen, *([noun] if noun else []), *after]
    return Caption(row, " ".join(parts) or "clothing", {known[name]: codes[known[name]] for name in stated})


def singular(words: str) -> str:
    """The last word without its plural ending, by rule: dresses, watches, shirts."""
    if words.endswith(("sses", "ches", "shes")):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith("ss") else words


def also_right(captions: Sequence[Caption], codes: Tensor) -> Tensor:
    """(B, B) bool: whether caption i also fits photo j of the batch. codes: (N, A) of the whole set."""
    rows = torch.tensor([caption.row for caption in captions])
    stated = torch.full((len(captions), codes.shape[1]), -1)
    for at, caption in enumerate(captions):
        for place, code in caption.states.items():
            stated[at, place] = code
    fits = ((stated[:, None] == -1) | (stated[:, None] == codes[rows][None])).all(dim=2)
    named = torch.tensor([not caption.states for caption in captions])
    numbers: dict[str, int] = {}
    texts = torch.tensor([numbers.setdefault(caption.text, len(numbers)) for caption in captions])
    return torch.where(named[:, None], texts[:, None] == texts[None], fits)
