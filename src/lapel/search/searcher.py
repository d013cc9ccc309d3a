"""Query -> Answer: embed each reference once, add up weighted cosines, filter, rank. The one definition of a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import UnknownName
from lapel.index import Term
from lapel.schema import WHOLE_LOOK, Answer, Contribution, Floats, Hit, Model, Outputs, Part, Query
from lapel.search.collection import Collection, matrix, top_values
from lapel.search.photo import embed_photos, from_picture, read_photo

ITEM = "item:"
"""Before an id: the reference is an item of the catalogue, whose stored embedding is used."""


@dataclass(frozen=True)
class Reference:
    """What a query looks like: vectors by attribute (and "look"), its regions (K, h, w) and a thumbnail (JPEG)."""

    name: str
    vectors: Mapping[str, Floats]
    regions: Floats
    thumb: bytes
    values: Mapping[str, tuple[str, float]] = field(default_factory=dict)


class Searcher:
    """Answers queries over one collection.

    Args:
        collection: the items.
        model: gives the model when a photo has to be embedded; queries by item never call it.
    """

    def __init__(self, collection: Collection, model: Callable[[], Model]) -> None:
        self.collection, self._model = collection, model

    def search(self, query: Query, pictures: Mapping[str, Image.Image] | None = None) -> Answer:
        """The k items with the greatest weighted sum of cosines among those the filter lets through; exact.

        pictures: pictures in memory by the reference name that the query uses for them.

        Raises:
            UnknownName: an attribute, item or column that is not here, with a suggestion.
            QueryError: a filter that cannot be read or does not fit its column.
            ImageError: a reference photo that cannot be opened.
        """
        weights = self._weights(query)
        allow = self.collection.allowed(query.where)
        vectors = {name: self._vectors(name, pictures) for name in dict.fromkeys(p.reference for p in query.parts)}
        terms = [Term(w.attribute, vectors[part.reference][w.attribute], w.weight) for part, w in weights]
        rows, scores = self.collection.index.search(terms, query.k, allow)
        cosines = [self.collection.index.cosines(term, rows) for term in terms]
        shown = tuple(weight for _, weight in weights)
        own = self.collection.metadata_of(rows)
        hits = tuple(
            self._hit(int(row), float(scores[at]), shown, [float(c[at]) for c in cosines], own[at])
            for at, row in enumerate(rows)
        )
        considered = len(self.collection) if allow is None else int(allow.sum())
        return Answer(hits, considered, exact=True, weights=shown)

    def reference(self, name: str | Path, pictures: Mapping[str, Image.Image] | None = None) -> Reference:
        """A query's reference: a stored item (`item:ID`), a picture in memory, or a file."""
        if (item := _item(name)) is not None:
            return self._stored(item)
        model = self._model()
        given = (pictures or {}).get(str(name))
        preprocess = model.card.preprocess
        photo = read_photo(name, preprocess) if given is None else from_picture(given, preprocess)
        return self._embedded(str(name), embed_photos(model, [photo]), photo.thumb)

    def _weights(self, query: Query) -> list[tuple[Part, Contribution]]:
        """Every term with its normalised weight, negative for `unlike`; cosine 1, the greatest there can be."""
        known = (*self.collection.card.vocabulary.names, WHOLE_LOOK)
        for part in query.parts:
            for attribute in part.weights:
                if attribute not in known:
                    raise UnknownName("attribute", attribute, known, "This catalogue's model")
        whole = sum(sum(part.weights.values()) for part in query.parts if not part.unlike)
        return [
            (part, Contribution(str(part.reference), attribute, (-1 if part.unlike else 1) * weight / whole, 1.0))
            for part in query.parts
            for attribute, weight in part.weights.items()
        ]

    def _hit(
        self,
        row: int,
        score: float,
        weights: tuple[Contribution, ...],
        cosines: list[float],
        metadata: Mapping[str, Any],
    ) -> Hit:
        parts = tuple(
            Contribution(w.reference, w.attribute, w.weight, cosine) for w, cosine in zip(weights, cosines, strict=True)
        )
        collection = self.collection
        return Hit(collection.ids[row], score, collection.images[row], parts, metadata, collection.values_of(row))

    def _vectors(self, name: str | Path, pictures: Mapping[str, Image.Image] | None) -> Mapping[str, Floats]:
        """What scoring needs of a reference; a stored item's vectors are in memory."""
        if (item := _item(name)) is None:
            return self.reference(name, pictures).vectors
        row = self.collection.row(item)
        return {block: vectors[row] for block, vectors in self.collection.index.blocks.items()}

    def _stored(self, item: str) -> Reference:
        name = ITEM + item
        vectors = self._vectors(name, None)
        kept = self.collection.store.rows([item], ["regions", "thumb"])
        regions = self._maps(matrix(kept["regions"]))[0]
        seen = self.collection.values_of(self.collection.row(item))
        return Reference(name, vectors, regions, kept["thumb"][0].as_py(), seen)

    def _embedded(self, name: str, outputs: Outputs, thumb: bytes) -> Reference:
        card = self.collection.card
        vectors = dict(zip(card.vocabulary.names, outputs.embeddings[0], strict=True)) | {WHOLE_LOOK: outputs.look[0]}
        return Reference(name, vectors, outputs.regions[0], thumb, top_values(outputs.values[0], card))

    def _maps(self, flat: NDArray[Any]) -> Floats:
        """(n, K*h*w) as stored -> (n, K, h, w) float32."""
        card = self.collection.card
        return flat.astype(np.float32).reshape(len(flat), len(card.vocabulary), *card.grid)


def _item(name: str | Path) -> str | None:
    """The id that a reference names, or None when it is a photo."""
    return name[len(ITEM) :] if isinstance(name, str) and name.startswith(ITEM) else None
