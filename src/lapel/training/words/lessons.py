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
from lapel.training.words.changes import LENGTHS, Kinds, join, wish

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

WITHOUT: Mapping[str, Mapping[str, frozenset[str]]] = {
    "master_category": {
        name: frozenset({"Accessories", "Footwear", "Personal Care", "Sporting Goods", "Free Items"})
        for name in ("sleeve_length", "neckline", "category")
    },
    "sub_category": {name: frozenset({"Bottomwear", "Socks"}) for name in ("sleeve_length", "neckline")},
}
"""Label column -> attribute -> values of photos that cannot have it: shoes have no sleeves."""


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

    def questions(self, split: str, seed: int, two: float = 0.0) -> list[Question]:
        """All groups' queries, those that name an unsaid value left out; lengths at times as "longer", "shorter".

        two: share of photos that are asked for two changes at once, besides.
        """
        random = Random(seed)
        found = []
        for group, part in zip(self.groups, self.asked(split, seed), strict=True):
            kinds = self._kinds(group, split)
            for query in part.queries:
                found.append(self._one_change(query, group, kinds, random))
            if two:
                rows = [row for row in self.rows(split) if random.random() < two]
                found += [q for row in rows if (q := self._two_changes(row, group, kinds, random))]
        return [question for question in found if not UNSAID.intersection(question.text.split())]

    def _kinds(self, group: Sequence[str], split: str) -> Kinds:
        places = [self.attributes.index(name) for name in group]
        rows = self.rows(split)
        return Kinds(dict(zip(rows, map(tuple, self.codes[rows][:, places].tolist()), strict=True)))

    def _one_change(self, query: ComposedQuery, group: Sequence[str], kinds: Kinds, random: Random) -> Question:
        row, right = self.row[query.reference], tuple(self.row[target] for target in query.targets)
        name, _, new = query.id.removeprefix(f"{query.reference}:").partition("=")
        values = self.items.labels(name).values
        if name in LENGTHS and new in LENGTHS[name]:
            place = group.index(name)
            asked = wish(name, values, kinds.labels[row][place], values.index(new), random)
            return Question(row, asked.text, kinds.right(row, {place: asked.codes}) or right)
        return Question(row, query.captions[0], right)

    def _two_changes(self, row: int, group: Sequence[str], kinds: Kinds, random: Random) -> Question | None:
        drawn = kinds.two_changes(row, random)
        if drawn is None:
            return None
        places, new = drawn[:2], drawn[2:]
        wishes = [
            wish(group[at], self.items.labels(group[at]).values, kinds.labels[row][at], code, random)
            for at, code in zip(places, new, strict=True)
        ]
        right = kinds.right(row, {at: one.codes for at, one in zip(places, wishes, strict=True)})
        random.shuffle(wishes)
        return Question(row, join(wishes[0].text, wishes[1].text, random), right)

    def caption(self, row: int, random: Random, bare: float = 0.0) -> Caption:
        """A caption drawn for a photo: its name, or a phrase of its labels, its noun left out with chance `bare`."""
        if self.names[row] and random.random() < NAMED:
            return Caption(row, self.names[row], {})
        return phrase(row, self.codes[row].tolist(), self.attributes, self.words, random, bare)

    @cached_property
    def without(self) -> Mapping[str, Tensor]:
        """Attribute of some lesson -> (N,) bool: photos of this set that cannot have it (`WITHOUT`)."""
        found: dict[str, Tensor] = {}
        for column, attributes in WITHOUT.items():
            if column in self.items.vocabulary.names:
                labels = self.items.labels(column)
                for name, values in attributes.items():
                    cells = [any(labels.values[v] in values for v in cell) for cell in labels.cells]
                    lacks = torch.tensor([code >= 0 and cells[code] for code in labels.codes.tolist()])
                    found[name] = found[name] | lacks if name in found else lacks
        return found

    @cached_property
    def strangers(self) -> list[int]:
        """Training rows that cannot have some attribute of another set's captions."""
        if not self.without:
            return []
        lacks = torch.stack(list(self.without.values())).any(dim=0)
        return [row for row in self.rows("train") if lacks[row]]


def phrase(
    row: int,
    codes: Sequence[int],
    attributes: Sequence[str],
    words: Sequence[Sequence[str]],
    random: Random,
    bare: float = 0.0,
) -> Caption:
    """Words for labels: colour, pattern and use before the noun, the rest after it, each by chance.

    bare: how often the noun is left out where something else is said.
    """
    known = {name: at for at, name in enumerate(attributes) if codes[at] >= 0 and words[at][codes[at]] not in UNSAID}
    chosen = [name for name in BEFORE if name in known and random.random() < BEFORE[name]]
    noun = next((name for name in NOUNS if name in known), None)
    if noun is None and not chosen:
        chosen = [name for name in BEFORE if name in known]
    after = [name for name in AFTER if name in known and random.random() < AFTER[name][0]]
    random.shuffle(after)
    if noun is not None and (chosen or after) and bare and random.random() < bare:
        noun = None
    value = {name: words[at][codes[at]] for name, at in known.items()}
    parts = [value[name] for name in chosen]
    if noun is not None:
        parts.append(singular(value[noun]) if random.random() < 0.5 else value[noun])
    parts += [AFTER[name][1].format(value[name]) for name in after]
    if bare and after and noun is None and not chosen and random.random() < 0.5:
        parts[0] = parts[0].removeprefix("with ").removeprefix("a ")
    stated = [*chosen, *([noun] if noun else []), *after]
    return Caption(row, " ".join(parts) or "clothing", {known[name]: codes[known[name]] for name in stated})


def singular(words: str) -> str:
    """The last word without its plural ending, by rule: dresses, watches, shirts."""
    if words.endswith(("sses", "ches", "shes")):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith("ss") else words


def ruled_out(
    captions: Sequence[Caption], attributes: Sequence[str], strangers: Lessons, rows: Sequence[int]
) -> Tensor:
    """(B, S) bool: whether caption i states something that photo j of another set cannot have."""
    out = torch.zeros(len(captions), len(rows), dtype=torch.bool)
    for at, caption in enumerate(captions):
        for place in caption.states:
            if attributes[place] in strangers.without:
                out[at] |= strangers.without[attributes[place]][list(rows)]
    return out


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
