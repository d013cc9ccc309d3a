"""Changes as people ask for them: of two labels at once, and by comparison, "in red and longer"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random
from typing import NamedTuple

from lapel.datasets.composed.products import modifier

LENGTHS: Mapping[str, Mapping[str, int]] = {
    "sleeve_length": {"sleeveless": 0, "short": 1, "long": 2},
    "article_type": {"Shorts": 0, "Capris": 1, "Trousers": 2, "Jeans": 2, "Track Pants": 2},
}
"""Values that can be put in order; a comparison asks for any value beyond the present one."""

COMPARED: Mapping[str, tuple[str, ...]] = {
    "sleeve_length": ("{} sleeves", "with {} sleeves", "but {} sleeves", "but with {} sleeves", "{}", "but {}"),
    "article_type": ("{}", "but {}", "make it {}"),
}
BY_COMPARISON = 0.4
"""How often a change of such an attribute is asked by comparison."""

STARTS = ("but ", "the same ", "make it ")
"""What the second of two changes leaves out: "in red and with long sleeves"."""

Labels = tuple[int, ...]


class Wish(NamedTuple):
    """A change of one attribute in words, and every value's code that answers it."""

    text: str
    codes: frozenset[int]


def wish(attribute: str, values: Sequence[str], old: int, new: int, random: Random) -> Wish:
    """Words that ask for value `new` in place of `old` (codes of `values`)."""
    order = LENGTHS.get(attribute, {})
    before, after = order.get(values[old]), order.get(values[new])
    if before is None or after is None or before == after or random.random() >= BY_COMPARISON:
        return Wish(modifier(attribute, values[old], values[new], random), frozenset([new]))
    longer = after > before
    far = [n for n, value in enumerate(values) if value in order and (order[value] > before) == longer]
    right = frozenset(n for n in far if order[values[n]] != before)
    return Wish(random.choice(COMPARED[attribute]).format("longer" if longer else "shorter"), right)


def join(first: str, second: str, random: Random) -> str:
    """Two changes in one sentence."""
    for start in STARTS:
        second = second.removeprefix(start)
    return first + random.choice((" and ", " and ", ", ", " but ")) + second


class Kinds:
    """Photos by their labels, to find those that differ in two of them.

    Args:
        labels: row -> codes of the attributes that take part, -1 where unknown.
    """

    def __init__(self, labels: Mapping[int, Labels]) -> None:
        self.labels = labels
        self.rows: dict[Labels, list[int]] = {}
        for row, kind in labels.items():
            self.rows.setdefault(kind, []).append(row)
        self._others: dict[tuple[int, int, Labels], list[tuple[int, int]]] = {}
        for kind in self.rows:
            for a, b in combinations(range(len(kind)), 2):
                if kind[a] >= 0 and kind[b] >= 0:
                    self._others.setdefault((a, b, _rest(kind, a, b)), []).append((kind[a], kind[b]))

    def two_changes(self, row: int, random: Random) -> tuple[int, int, int, int] | None:
        """Two places and the new code of each, drawn; None where no photo differs from this one in just two labels."""
        kind = self.labels[row]
        pairs = list(combinations(range(len(kind)), 2))
        random.shuffle(pairs)
        for a, b in pairs:
            known = self._others.get((a, b, _rest(kind, a, b)), [])
            options = [(x, y) for x, y in known if x != kind[a] and y != kind[b]]
            if options and kind[a] >= 0 and kind[b] >= 0:
                return (a, b, *random.choice(options))
        return None

    def right(self, row: int, wanted: Mapping[int, frozenset[int]]) -> tuple[int, ...]:
        """Every photo with one of the wanted codes at each of these places, and this row's labels elsewhere."""
        kinds: list[Labels] = [self.labels[row]]
        for place, codes in wanted.items():
            kinds = [(*kind[:place], code, *kind[place + 1 :]) for kind in kinds for code in sorted(codes)]
        return tuple(found for kind in kinds for found in self.rows.get(kind, ()))


def _rest(kind: Labels, a: int, b: int) -> Labels:
    return tuple(code for at, code in enumerate(kind) if at not in (a, b))
