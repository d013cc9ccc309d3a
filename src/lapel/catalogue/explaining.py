"""Why an item is a hit: the facts come from the store, the score from the one definition of a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lapel.explain.explanation import Explanation, Seen
from lapel.schema import Card, Contribution, Floats, Query
from lapel.search import ITEM, Pictures, Reference, Searcher


def explain(
    searcher: Searcher, query: Query, item: str, pictures: Pictures | None = None, *, files: bool = True
) -> Explanation:
    """See `Catalogue.explain`."""
    row = np.array([searcher.collection.row(item)])
    resolver = searcher.resolver(pictures, files=files)
    shown, terms = searcher.terms(query, resolver)
    index, card = searcher.collection.index, searcher.collection.card
    parts = tuple(
        Contribution(w.reference, w.attribute, w.weight, float(index.cosines(term, row)[0]), w.text)
        for w, term in zip(shown, terms, strict=True)
    )
    references = tuple(
        _seen(resolver.reference(name), [w.attribute for w in shown if w.reference == name], card)
        for name in query.references
    )
    hit = _seen(resolver.reference(ITEM + item), [w.attribute for w in shown], card, item)
    return Explanation(item, float(index.scores(terms, row)[0]), parts, references, hit, card)


def _seen(reference: Reference, asked: Sequence[str], card: Card, name: str = "") -> Seen:
    attributes = [attribute for attribute in dict.fromkeys(asked) if attribute in card.vocabulary.names]
    regions = {a: reference.regions[card.vocabulary.index(a)] for a in attributes} if card.attends else {}
    values = {a: _probabilities(reference, a, card) for a in attributes if card.values_fitted}
    return Seen(name or reference.name, reference.thumb, regions, {a: v for a, v in values.items() if v})


def _probabilities(reference: Reference, attribute: str, card: Card) -> dict[str, float]:
    """Every value and its probability, most probable first."""
    if reference.outputs is None:
        return {}
    k = card.vocabulary.index(attribute)
    found: Floats = reference.outputs.values[0, card.vocabulary.slices[k]]
    order = np.argsort(-found, kind="stable")
    return {card.vocabulary[attribute].values[at]: float(found[at]) for at in order}
