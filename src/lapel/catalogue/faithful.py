"""The faithfulness of a catalogue's heat maps, measured on a sample of its own items and their nearest neighbours."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from lapel.errors import InputError
from lapel.explain.faithfulness import Faithfulness, blurred, figures, moved, strongest
from lapel.index import Term
from lapel.progress import Progress, Quiet
from lapel.schema import Card, Floats, Model, Outputs
from lapel.search import ITEM, Searcher
from lapel.search.photo import embed_photos, from_picture

PHOTOS_A_PASS = 32
LEAST_ITEMS = 2


def faithfulness(
    searcher: Searcher,
    model: Model,
    pairs: int,
    share: float,
    times: int,
    seed: int,
    progress: Progress | None = None,
) -> list[Faithfulness]:
    """How far scores fall when the hit is blurred where its map is strongest, against elsewhere; by attribute.

    A pair is a drawn item and the item nearest to it in the attribute. The hit's thumbnail is embedded as it is, with
    the strongest `share` of the map blurred, and `times` with that region moved to a random place.

    Args:
        pairs: drawn items, the same for every attribute.
        progress: advances once an attribute and pair.

    Raises:
        InputError: the model does not attend, there are fewer than two items, or a number is out of range.
    """
    card, count = searcher.collection.card, len(searcher.collection)
    if not card.attends:
        raise InputError(f"The model '{card.name}' does not attend to regions, so it has no heat maps to check.")
    if count < LEAST_ITEMS or pairs < 1 or times < 1:
        raise InputError(f"Checking needs two items, a pair and a random region; there are {count}, {pairs}, {times}.")
    draw, watch, found = np.random.default_rng(seed), progress or Quiet(), []
    rows = np.sort(draw.choice(count, min(pairs, count), replace=False))
    for name in card.vocabulary.names:
        scores = []
        for row in rows:
            scores.append(_scores(searcher, model, name, int(row), share, times, draw))
            watch.advance()
        table = np.array(scores, np.float32)
        found.append(figures(name, table[:, 0], table[:, 1], table[:, 2:], seed))
    return found


def _scores(
    searcher: Searcher, model: Model, attribute: str, row: int, share: float, times: int, draw: np.random.Generator
) -> list[float]:
    """Cosines of the query with the hit's thumbnail: as it is, top region blurred, moved regions blurred."""
    collection, card = searcher.collection, searcher.collection.card
    vector = collection.index.blocks[attribute][row]
    near, _ = collection.index.search([Term(attribute, vector, 1.0)], 2)
    hit = next(int(other) for other in near if other != row)
    reference = searcher.reference(ITEM + collection.ids[hit])
    with Image.open(io.BytesIO(reference.thumb)) as picture:
        photo = picture.convert("RGB")
    top = strongest(reference.regions[card.vocabulary.index(attribute)], share)
    masks = [top, *(moved(top, draw) for _ in range(times))]
    shown = [photo, *(blurred(photo, mask, card.preprocess) for mask in masks)]
    embedded = _embed(model, shown, card)[:, card.vocabulary.index(attribute)]
    return [float(score) for score in embedded @ vector]


def _embed(model: Model, pictures: Sequence[Image.Image], card: Card) -> Floats:
    outputs = [
        embed_photos(model, [from_picture(picture, card) for picture in pictures[start : start + PHOTOS_A_PASS]])
        for start in range(0, len(pictures), PHOTOS_A_PASS)
    ]
    return Outputs.join(outputs).embeddings
