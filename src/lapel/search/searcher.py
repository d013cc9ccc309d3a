"""Query -> Answer: embed each reference once, add up weighted cosines, filter, rank. The one definition of a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.errors import UnknownName
from lapel.index import Term
from lapel.schema import WHOLE_LOOK, Answer, Contribution, Hit, Model, Query
from lapel.search.collection import Collection
from lapel.search.resolving import Pictures, Reference, Resolver


class Searcher:
    """Answers queries over one collection.

    Args:
        collection: the items.
        model: gives the model when a photo has to be embedded; queries by item never call it.
    """

    def __init__(self, collection: Collection, model: Callable[[], Model]) -> None:
        self.collection, self._model = collection, model

    def search(self, query: Query, pictures: Pictures | None = None, *, files: bool = True) -> Answer:
        """The k items with the greatest weighted sum of cosines among those the filter lets through.

        pictures: pictures in memory (or embedded already) by the reference name that the query uses for them.
        files: whether a reference may be a path; False lets a query name items and `pictures` only.

        Raises:
            UnknownName: an attribute, item or column that is not here, with a suggestion.
            QueryError: a filter that cannot be read or does not fit its column; words, without a model for them.
            ImageError: a reference photo that cannot be opened.
        """
        allow = self.collection.allowed(query.where)
        shown, terms = self.terms(query, self.resolver(pictures, files=files))
        rows, scores = self.collection.index.search(terms, query.k, allow)
        hits = self._hits(rows, scores, shown, terms)
        considered = len(self.collection) if allow is None else int(allow.sum())
        return Answer(hits, considered, exact=True, weights=shown)

    def resolver(self, pictures: Pictures | None = None, *, files: bool = True) -> Resolver:
        """Finds what a query's parts name; see `search`."""
        return Resolver(self.collection, self._model, pictures, files)

    def reference(self, name: str | Path, pictures: Pictures | None = None, *, files: bool = True) -> Reference:
        """A query's reference: a stored item (`item:ID`), a picture in memory, or a file."""
        return self.resolver(pictures, files=files).reference(name)

    def terms(self, query: Query, resolver: Resolver) -> tuple[tuple[Contribution, ...], list[Term]]:
        """Every term of the score: as shown (weights normalised, cosine 1) and as the index computes it."""
        self._check_attributes(query)
        whole = sum(sum(part.weights.values()) for part in query.parts if not part.unlike)
        shown, terms = [], []
        for part in query.parts:
            for attribute, weight in part.weights.items():
                share = (-1 if part.unlike else 1) * weight / whole
                shown.append(Contribution(str(part.reference), attribute, share, 1.0, part.text))
                terms.append(Term(*resolver.vector(part, attribute), share))
        return tuple(shown), terms

    def _check_attributes(self, query: Query) -> None:
        known = (*self.collection.card.vocabulary.names, WHOLE_LOOK)
        for attribute in (name for part in query.parts if not part.text for name in part.weights):
            if attribute not in known:
                raise UnknownName("attribute", attribute, known, "This catalogue's model")

    def _hits(
        self, rows: NDArray[np.int64], scores: NDArray[np.float64], shown: tuple[Contribution, ...], terms: list[Term]
    ) -> tuple[Hit, ...]:
        cosines = [self.collection.index.cosines(term, rows) for term in terms]
        own = self.collection.metadata_of(rows)
        return tuple(
            self._hit(int(row), float(scores[at]), shown, [float(c[at]) for c in cosines], own[at])
            for at, row in enumerate(rows)
        )

    def _hit(
        self,
        row: int,
        score: float,
        weights: tuple[Contribution, ...],
        cosines: list[float],
        metadata: Mapping[str, Any],
    ) -> Hit:
        parts = tuple(
            Contribution(w.reference, w.attribute, w.weight, cosine, w.text)
            for w, cosine in zip(weights, cosines, strict=True)
        )
        collection = self.collection
        return Hit(collection.ids[row], score, collection.images[row], parts, metadata, collection.values_of(row))
