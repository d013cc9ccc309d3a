"""What a catalogue answers: searches, the reasons for a hit, contact sheets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lapel.catalogue.asking import Like, Text, build_query
from lapel.catalogue.explaining import explain
from lapel.catalogue.faithful import faithfulness
from lapel.catalogue.manifest import Manifest
from lapel.catalogue.sheets import section
from lapel.explain.contact_sheet import contact_sheet
from lapel.explain.explanation import Explanation
from lapel.explain.faithfulness import Faithfulness
from lapel.progress import Progress
from lapel.schema import Answer, Hit, Model, Query
from lapel.search import Pictures, Searcher


class Searching(ABC):
    """The part of `Catalogue` that only reads."""

    manifest: Manifest

    @property
    @abstractmethod
    def searcher(self) -> Searcher:
        """The items in memory."""

    @abstractmethod
    def model(self) -> Model:
        """The model that filled the catalogue."""

    def search(
        self,
        like: Like | None = None,
        *,
        text: Text | None = None,
        where: str = "",
        unlike: Like | None = None,
        k: int = 20,
        diverse: bool = False,
        apart: bool = False,
    ) -> list[Hit]:
        """The k items most like the references in the attributes named, best first; see `Query` for the score.

        Args:
            like: a photo's path, `item:ID` or a PIL picture (the whole look); or a mapping from such a
                reference to attribute weights, one attribute, or several of equal weight; or pairs of these.
            text: words to be like ("for a party"), with a weight as in {"for a party": 0.5}. Beside a photo that is
                named without an attribute they change that photo: like="a.jpg", text="but in red". Which photo is
                said by {("a.jpg", "but in red"): 1}. Needs a model with a text encoder.
            where: a filter on the items' columns and on what the model predicts, for example
                "price < 50 and neckline = 'v-shape' with confidence 0.6".
            unlike: the same as `like`, subtracted.
            k: how many hits.
            diverse: fold near duplicates into the best of them.
            apart: words stand alone beside the photos and change none.

        Raises:
            QueryError, UnknownName, ImageError: see `Searcher.search`.
        """
        query, pictures = build_query(like, unlike, where, k, text, diverse, apart)
        return list(self.query(query, pictures).hits)

    def query(self, query: Query, pictures: Pictures | None = None, *, files: bool = True) -> Answer:
        """Answer a ready-made query.

        pictures: those that its parts name and that are in memory. files: whether a part may name a file's path;
        False for queries from elsewhere.
        """
        answer = self.searcher.search(query, pictures, files=files)
        return replace(answer, hits=tuple(self._with_why(hit, query, pictures, files) for hit in answer.hits))

    def explain(self, query: Query, item: str, pictures: Pictures | None = None, *, files: bool = True) -> Explanation:
        """Why an item scores as it does: each part's contribution, and where the model looked on query and item.

        The item need not be a hit. pictures, files: see `query`.

        Raises:
            UnknownName, QueryError, ImageError: see `Searcher.search`.
        """
        return explain(self.searcher, query, item, pictures, files=files)

    def faithfulness(
        self,
        *,
        pairs: int = 60,
        share: float = 0.2,
        times: int = 2,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Faithfulness]:
        """Whether heat maps show what decides: how far scores fall when a hit is blurred there, against elsewhere.

        One entry an attribute; see `lapel.catalogue.faithful.faithfulness` for the arguments.

        Raises:
            InputError: the model does not attend, or there are fewer than two items.
        """
        return faithfulness(self.searcher, self.model(), pairs, share, times, seed, progress)

    def contact_sheet(self, query: Query, answer: Answer, pictures: Pictures | None = None) -> str:
        """The query and its hits as one self-contained HTML page: scores, parts, heat maps, predicted values."""
        return contact_sheet([section(self.searcher, query, answer, pictures)], self.manifest.card)

    def contact_sheets(self, queries: Sequence[tuple[str, Query]], title: str, intro: str = "") -> str:
        """Several queries, each with a title of its own, asked and shown on one such page."""
        shown = [section(self.searcher, query, self.query(query), title=name) for name, query in queries]
        return contact_sheet(shown, self.manifest.card, title, intro)

    def _with_why(self, hit: Hit, query: Query, pictures: Pictures | None, files: bool) -> Hit:
        kept: Pictures | None = dict(pictures) if isinstance(pictures, Mapping) else None

        def why() -> Explanation:
            return self.explain(query, hit.item, kept, files=files)

        return replace(hit, why=why)
