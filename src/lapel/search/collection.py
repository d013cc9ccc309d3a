"""A stored catalogue's rows in memory, in insertion order: what a search reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.errors import LapelError, QueryError, UnknownName
from lapel.index import Index
from lapel.schema import COMPOSED, WHOLE_LOOK, Card, Floats
from lapel.schema.condition import Predicted
from lapel.search.fitting import Fitting
from lapel.search.predicted import Sides, meets, predictable
from lapel.search.where import parse
from lapel.store import Store

FILTERABLE = ("id", "image")
"""Columns of our own that a filter may use beside the user's."""

FEW_IDS = 50
"""Up to this many items, a wrong id is answered with the nearest right one."""


@dataclass(frozen=True)
class Collection:
    """n items of one model.

    ids, images: (n,) text. index: one block an attribute, one for the look, and one for composed search where the
    model has it. best: (n, K) index of each
    attribute's most probable value within the attribute; probability: (n, K) its probability. metadata: the
    user's columns.
    """

    card: Card
    store: Store
    ids: list[str]
    images: list[str]
    index: Index
    best: NDArray[np.int16]
    probability: Floats
    metadata: pa.Table

    @classmethod
    def load(cls, store: Store, card: Card) -> Collection:
        """Read everything that answers need; pictures, regions and probabilities of other values stay on disk."""
        n, k = store.count(), len(card.vocabulary)
        blocks = np.zeros((k, n, card.dim), np.float32)
        look = np.zeros((n, card.look_dim), np.float32)
        best, probability = np.zeros((n, k), np.int16), np.zeros((n, k), np.float32)
        composed = np.zeros((n, card.composed_dim), np.float32)
        for places, batch in store.scan(["all", "look", "values", *([COMPOSED] if card.composed_dim else [])]):
            rows = _as_slice(places)
            blocks[:, rows] = matrix(batch["all"]).reshape(len(batch), k, card.dim).swapaxes(0, 1)
            look[rows] = matrix(batch["look"])
            if card.composed_dim:
                composed[rows] = matrix(batch[COMPOSED])
            best[rows], probability[rows] = _tops(matrix(batch["values"]), card)
        text = store.table(["id", "image", *store.columns]).combine_chunks()
        named: dict[str, Floats] = dict(zip(card.vocabulary.names, blocks, strict=True)) | {WHOLE_LOOK: look}
        if card.composed_dim:
            named[COMPOSED] = composed
        return cls(
            card,
            store,
            text["id"].to_pylist(),
            text["image"].to_pylist(),
            Index(named),
            best,
            probability,
            text.select(list(store.columns)),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Id -> row."""
        return {name: row for row, name in enumerate(self.ids)}

    def row(self, item: str) -> int:
        """The row of an item.

        Raises:
            UnknownName: there is no such item; suggests the nearest id when there are not too many.
        """
        if item in self.places:
            return self.places[item]
        raise unknown_item(item, len(self), lambda: self.ids)

    def allowed(self, where: str) -> NDArray[np.bool_] | None:
        """(n,) which rows a filter lets through; None when there is no filter. Raises as `where.parse` does."""
        return chosen(where, self.store, self.card, self.predicts)

    def predicts(self, asked: Predicted) -> Sides:
        """(n,) each: where the model is sure that it is one of the values, and where it is sure that it is not."""
        k = self.card.vocabulary.index(asked.attribute)
        known = self.card.vocabulary[asked.attribute].values
        sure = self.probability[:, k] >= np.float32(asked.confidence)
        among = np.isin(self.best[:, k], [known.index(value) for value in asked.values])
        return sure & among, sure & ~among

    @cached_property
    def fitting(self) -> Fitting | None:
        """What tells that no item fits a text; None for a model without words, or taught before this was kept."""
        return Fitting.of(self.card)

    def metadata_of(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """The user's columns of each of these rows; empty cells left out."""
        if not self.metadata.num_columns:
            return [{} for _ in rows]
        records = self.metadata.take(pa.array(rows)).to_pylist()
        return [{name: value for name, value in record.items() if value is not None} for record in records]

    def values_of(self, row: int) -> dict[str, tuple[str, float]]:
        """Attribute -> most probable value and its probability; empty when the model's values are not fitted."""
        return _named(self.best[row], self.probability[row], self.card)


def chosen(where: str, store: Store, card: Card, predicts: Callable[[Predicted], Sides]) -> NDArray[np.bool_] | None:
    """(n,) which rows of a store a filter lets through; None when there is no filter. Raises as `where.parse` does.

    predicts: asked only when the filter asks for predicted values; see `Collection.predicts`.
    """
    condition = parse(where, [*FILTERABLE, *store.columns], predictable(card))
    return None if condition is None else meets(condition, store.filter, predicts)


def unknown_item(item: str, count: int, ids: Callable[[], Sequence[str]]) -> LapelError:
    """What to raise for an id that is not there; the ids are asked for when there are few, to suggest the nearest."""
    if count <= FEW_IDS:
        return UnknownName("item", item, ids(), "This catalogue")
    return QueryError(f"Unknown item '{item}'. This catalogue holds {count} items, none of that id.")


def top_values(values: Floats, card: Card) -> dict[str, tuple[str, float]]:
    """(V,) probabilities -> attribute -> most probable value and its probability; empty when they are not fitted."""
    best, probability = _tops(values[None], card)
    return _named(best[0], probability[0], card)


def _named(best: NDArray[np.int16], probability: Floats, card: Card) -> dict[str, tuple[str, float]]:
    if not card.values_fitted:
        return {}
    return {
        attribute.name: (attribute.values[best[k]], float(probability[k]))
        for k, attribute in enumerate(card.vocabulary)
        if attribute.values
    }


def matrix(column: Any) -> NDArray[Any]:
    """A fixed-size list column of n rows -> (n, length); an empty cell is zeros: an item without such a vector."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not column.null_count:
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)  # type: ignore[no-any-return]
    held = column.drop_null().flatten().to_numpy(zero_copy_only=False)
    out = np.zeros((len(column), column.type.list_size), held.dtype)
    out[column.is_valid().to_numpy(zero_copy_only=False)] = held.reshape(-1, column.type.list_size)
    return out


def _as_slice(places: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Rows in a row as a slice: copying into one is several times faster than into a list of places."""
    in_a_row = len(places) > 0 and bool(np.all(np.diff(places) == 1))
    return slice(int(places[0]), int(places[-1]) + 1) if in_a_row else places


def _tops(values: Floats, card: Card) -> tuple[NDArray[np.int16], Floats]:
    """(rows, V) probabilities -> each attribute's most probable value and its probability, (rows, K) both."""
    best = np.zeros((len(values), len(card.vocabulary)), np.int16)
    probability = np.zeros(best.shape, np.float32)
    for k, part in enumerate(card.vocabulary.slices):
        if part.stop > part.start:
            best[:, k] = values[:, part].argmax(axis=1)
            probability[:, k] = values[:, part].max(axis=1)
    return best, probability
