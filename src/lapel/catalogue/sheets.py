"""A query and its answer as a section of a contact sheet: thumbnails and regions come from the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lapel.explain.contact_sheet import Asked, Section, Shown
from lapel.schema import Answer, Query
from lapel.search import Pictures, Searcher
from lapel.search.collection import matrix


def section(
    searcher: Searcher,
    query: Query,
    answer: Answer,
    pictures: Pictures | None = None,
    title: str = "",
) -> Section:
    """Everything the sheet shows of one query; the references are read again for their pictures."""
    return Section(
        answer,
        _references(searcher, query, answer, pictures),
        _hits(searcher, answer),
        query.where,
        title,
    )


def _references(searcher: Searcher, query: Query, answer: Answer, pictures: Pictures | None) -> tuple[Asked, ...]:
    card = searcher.collection.card
    shown, weights = [], iter(answer.weights)
    resolver = searcher.resolver(pictures)
    for part in query.parts:
        wishes = tuple(next(weights) for _ in part.weights)
        if not str(part.reference):  # words have no picture
            continue
        reference = resolver.reference(part.reference)
        picture = Shown(reference.thumb, reference.regions if card.attends else None, card)
        shown.append(Asked(Path(reference.name).name, picture, wishes, reference.values))
    return tuple(shown)


def _hits(searcher: Searcher, answer: Answer) -> tuple[Shown, ...]:
    card, items = searcher.collection.card, [hit.item for hit in answer.hits]
    if not items:
        return ()
    kept = searcher.collection.store.rows(items, ["thumb", "regions"])
    shape = (len(items), len(card.vocabulary), *card.grid)
    regions = matrix(kept["regions"]).astype(np.float32).reshape(shape)
    return tuple(
        Shown(thumb, region if card.attends else None, card)
        for thumb, region in zip(kept["thumb"].to_pylist(), regions, strict=True)
    )
