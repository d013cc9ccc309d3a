"""Example queries over a catalogue whatever its model's attributes: one detail, a mix, a filter, an "unlike"."""

from __future__ import annotations

from collections.abc import Iterator

from lapel.catalogue import Catalogue
from lapel.schema import WHOLE_LOOK, ItemTable, Part, Query

HITS = 8
TELLING = ("color", "pattern", "sleeve_length", "category", "neckline", "neckline_design", "collar", "collar_design")
"""Attributes that a model learnt from photos tells best on drawn garments, first; a model that knows none of them shows
its own first ones."""


def examples(catalogue: Catalogue) -> Iterator[tuple[str, Query]]:
    """(title, query) pairs, the same for the same catalogue."""
    items = catalogue.items()
    names = _best_first(catalogue.attributes)
    references = _references(items, names)
    for name in names[:2]:
        yield f"This {_spoken(name)}", _query({references[name]: {name: 1.0}})
    if len(names) > 1:
        first, second = names[0], names[1]
        yield (
            f"This {_spoken(first)} (0.7) and that {_spoken(second)} (0.3)",
            _query({references[first]: {first: 0.7}, _another(items, references[first]): {second: 0.3}}),
        )
    yield "The whole look", _query({references[names[0]]: {WHOLE_LOOK: 1.0}})
    if "color" in items.vocabulary.names:
        yield (
            "The whole look, but only red or pink ones",
            _query({references[names[0]]: {WHOLE_LOOK: 1.0}}, where="color in ('red', 'pink')"),
        )
    last = names[-1] if len(names) < 3 else names[2]
    yield (
        f"The whole look, but not this {_spoken(last)}",
        _query({references[last]: {WHOLE_LOOK: 1.0}}, unlike={references[last]: {last: 0.5}}),
    )


def _query(
    like: dict[str, dict[str, float]], where: str = "", unlike: dict[str, dict[str, float]] | None = None
) -> Query:
    wished = [Part(reference, weights) for reference, weights in like.items()]
    unwished = [Part(reference, weights, unlike=True) for reference, weights in (unlike or {}).items()]
    return Query((*wished, *unwished), where, HITS)


def _best_first(attributes: tuple[str, ...]) -> list[str]:
    known = [name for name in TELLING if name in attributes]
    return known + [name for name in attributes if name not in known]


def _references(items: ItemTable, names: list[str]) -> dict[str, str]:
    """Attribute -> an item to ask with: one whose own label says that it has the attribute, where labels say so."""
    chosen = {}
    for number, name in enumerate(names):
        rows = range(len(items))
        if name in items.vocabulary.names:
            rows = [row for row, known in enumerate(items.labels(name).known) if known] or rows  # type: ignore[assignment]
        chosen[name] = f"item:{items.ids[rows[(7 * number + 3) % len(rows)]]}"
    return chosen


def _another(items: ItemTable, reference: str) -> str:
    at = items.ids.index(reference.removeprefix("item:"))
    return f"item:{items.ids[(at + len(items) // 2) % len(items)]}"


def _spoken(name: str) -> str:
    return name.replace("_", " ")
