"""Query -> Answer: embed each reference once, add up weighted cosines, filter, rank. The one definition of a score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.errors import UnknownName
from lapel.index import Found, Term
from lapel.schema import WHOLE_LOOK, Answer, Contribution, Hit, Model, Query
from lapel.search.collection import Collection
from lapel.search.diversity import Folding
from lapel.search.resolving import ITEM, Pictures, Reference, Resolver

MOST_FOLDED = 32
"""A diverse query looks at no more than this many times k items; behind a thousand copies there may be fewer hits."""


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

        An item that is to be changed by words is no answer to itself: composed retrieval leaves its reference out.

        pictures: pictures in memory (or embedded already) by the reference name that the query uses for them.
        files: whether a reference may be a path; False lets a query name items and `pictures` only.

        Raises:
            UnknownName: an attribute, item or column that is not here, with a suggestion.
            QueryError: a filter that cannot be read or does not fit its column; words, without a model for them.
            ImageError: a reference photo that cannot be opened.
        """
        allow = self._without_changed(query, self.collection.allowed(query.where))
        shown, terms = self.terms(query, self.resolver(pictures, files=files))
        found, groups = self._ranked(query, terms, allow)
        hits = self._hits(found, shown, terms, groups)
        considered = len(self.collection) if allow is None else int(allow.sum())
        notes = self._notes(shown, terms, allow, hits) if hits else ()
        return Answer(hits, considered, found.exact, shown, found.recall, notes)

    def _without_changed(self, query: Query, allow: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """The rows let through, less the items that a part asks to change."""
        names = [str(part.reference) for part in query.parts if part.text and part.reference and not part.unlike]
        rows = [self.collection.row(name.removeprefix(ITEM)) for name in names if name.startswith(ITEM)]
        if rows:
            allow = np.ones(len(self.collection), bool) if allow is None else allow.copy()
            allow[rows] = False
        return allow

    def _notes(
        self,
        shown: tuple[Contribution, ...],
        terms: list[Term],
        allow: NDArray[np.bool_] | None,
        hits: tuple[Hit, ...],
    ) -> tuple[str, ...]:
        """What is to be said of the query's texts; see `lapel.search.fitting`."""
        texts = [(part, term) for part, term in zip(shown, terms, strict=True) if part.text and part.weight > 0]
        fitting = self.collection.fitting if texts else None
        if fitting is None:
            return ()

        def best(part: Contribution, term: Term) -> float | None:
            if part.reference:
                return None
            if len(terms) == 1:  # the answer itself says it
                return hits[0].score
            return float(self.collection.index.find([Term(term.block, term.vector, 1.0)], 1, allow).scores[0])

        found = (fitting.note(part.text, best(part, term)) for part, term in texts)
        return tuple(note for note in dict.fromkeys(found) if note)

    def _ranked(
        self, query: Query, terms: list[Term], allow: NDArray[np.bool_] | None
    ) -> tuple[Found, list[list[int]]]:
        """The rows found, and the hits among them: places of each hit and of what is folded into it."""
        index = self.collection.index
        if not query.diverse:
            found = index.find(terms, query.k, allow)
            return found, [[place] for place in range(len(found.rows))]
        asked = 2 * query.k
        while True:
            found = index.find(terms, asked, allow)
            groups = Folding(self.collection, found.rows).heads(query.k)
            if len(groups) == query.k or len(found.rows) < asked or asked >= MOST_FOLDED * query.k:
                return found, groups
            asked *= 2

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
        self, found: Found, shown: tuple[Contribution, ...], terms: list[Term], groups: list[list[int]]
    ) -> tuple[Hit, ...]:
        heads = [group[0] for group in groups]
        rows, collection = found.rows[heads], self.collection
        cosines = [collection.index.cosines(term, rows) for term in terms]
        metadata = collection.metadata_of(rows)
        return tuple(
            Hit(
                collection.ids[row],
                float(found.scores[group[0]]),
                collection.images[row],
                tuple(
                    Contribution(w.reference, w.attribute, w.weight, float(c[at]), w.text)
                    for w, c in zip(shown, cosines, strict=True)
                ),
                metadata[at],
                collection.values_of(int(row)),
                tuple(collection.ids[found.rows[place]] for place in group[1:]),
            )
            for at, (row, group) in enumerate(zip(rows, groups, strict=True))
        )
