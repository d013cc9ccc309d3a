"""Composed queries from any labelled table: pictures whose labels differ in one thing.

The rule: two photos of one split whose known labels agree in every attribute but one make a query. The reference is the
first, the modifier names the other's value in words, and **every** photo of the split with all of the reference's other
labels and that value is right, the reference apart. Attributes that a table gives only to some photos count as labels
too: unknown agrees with unknown alone. Which value is asked of which photo, and which words, is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from lapel.errors import TableError
from lapel.schema import ComposedQuery, ComposedSet, ItemTable

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "color": (
        "in {}", "but in {}", "the same in {}", "make it {}", "{} instead of {old}", "change the colour to {}", "{}",
        "replace {old} with {}",
    ),
    "gender": ("for {}", "but for {}", "the same for {}", "for {} instead of {old}"),
    "usage": ("for {} wear", "more {}", "make it {}", "but {}", "{} style", "{} instead of {old}"),
    "season": ("for {}", "for the {} season", "something for {}", "{} instead of {old}"),
    "article_type": ("but {}", "{} instead", "{} instead of {old}", "replace {old} with {}", "show {} like this"),
    "category": ("but a {}", "{} instead of {old}", "as a {}"),
    "sleeve_length": ("with {} sleeves", "but {} sleeves", "{} sleeves instead of {old}"),
    "neckline": ("with a {} neck", "with a {} neckline", "{} neckline instead of {old}"),
    "pattern": ("but {}", "with a {} pattern", "{} instead of {old}"),
}  # fmt: skip
"""How people ask for a value; `{old}` is the reference's own."""

DEFAULT = ("with {name} {}", "{name} {} instead of {old}", "change {name} to {}")
WORDS: Mapping[str, Mapping[str, str]] = {
    "article_type": {"Tshirts": "t-shirts"},
    "sleeve_length": {"none": "no", "sleeveless": "no"},
}
"""Values that are said otherwise than written."""


def said(attribute: str, value: str) -> str:
    """A value as a person would say it."""
    return WORDS.get(attribute, {}).get(value, value.replace("_", " ").lower())


def modifier(attribute: str, old: str, new: str, random: Random) -> str:
    """Words that ask for `new` in place of `old`, drawn from `TEMPLATES`."""
    template = random.choice(TEMPLATES.get(attribute, DEFAULT))
    name = attribute.replace("_", " ")
    return template.format(said(attribute, new), old=said(attribute, old), name=name)


def read_pairs(
    items: ItemTable,
    attributes: Sequence[str],
    split: str,
    *,
    seed: int = 1,
    each: int = 2,
    text: str | None = "name",
) -> ComposedSet:
    """Queries of one split.

    Args:
        items: a labelled table. attributes: those that take part; one of them changes a query.
        split: whose photos are reference, gallery and target.
        each: at most so many queries a photo.
        text: the column of a photo's own words, if the table has it.

    Raises:
        TableError: no photo of the split has a partner that differs in one attribute.
    """
    part = items.split(split)
    rows = _labels(part, attributes)
    holders: dict[tuple[str, ...], list[int]] = {}
    for row, labels in enumerate(rows):
        holders.setdefault(labels, []).append(row)
    others = _one_change(list(holders))
    random, queries = Random(seed), []
    for row, labels in enumerate(rows):
        options = others.get(labels, [])
        for at, new in random.sample(options, min(each, len(options))):
            wanted = (*labels[:at], new, *labels[at + 1 :])
            words = modifier(attributes[at], labels[at], new, random)
            targets = tuple(part.ids[other] for other in holders[wanted])
            queries.append(
                ComposedQuery(part.ids[row], (words,), targets, id=f"{part.ids[row]}:{attributes[at]}={new}")
            )
    if not queries:
        raise TableError(
            f"{items.name} {split}: no two photos differ in just one of {', '.join(attributes)}. "
            "Name fewer attributes, or ones that vary on their own, such as the colour."
        )
    return ComposedSet(
        items.name,
        split,
        dict(zip(part.ids, part.paths, strict=True)),
        {"": part.ids},
        tuple(queries),
        _texts(part, text),
        notes=(f"one of {', '.join(attributes)} changes; at most {each} queries a photo, seed {seed}",),
    )


def _labels(part: ItemTable, attributes: Sequence[str]) -> list[tuple[str, ...]]:
    columns = []
    for name in attributes:
        labels = part.labels(name)
        texts = ["|".join(labels.values[v] for v in cell) for cell in labels.cells]
        columns.append([texts[code] if code >= 0 else "" for code in labels.codes.tolist()])
    return list(zip(*columns, strict=True))


def _one_change(kinds: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[int, str]]]:
    """Label tuple -> (place, other known value) of every tuple that differs in that place alone."""
    groups: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for labels in kinds:
        for at, value in enumerate(labels):
            if value:
                groups.setdefault((at, labels[:at] + labels[at + 1 :]), []).append(value)
    found: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for (at, rest), values in groups.items():
        for own in values:
            labels = rest[:at] + (own,) + rest[at:]
            found.setdefault(labels, []).extend((at, other) for other in values if other != own)
    return found


def _texts(part: ItemTable, column: str | None) -> dict[str, str]:
    if column is None or column not in part.table.column_names:
        return {}
    cells = part.table[column].to_pylist()
    return {name: str(cell) for name, cell in zip(part.ids, cells, strict=True) if cell}
