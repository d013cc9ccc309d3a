"""What a part of a query names -> vectors: stored items, pictures, files, words, and references changed by words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.errors import QueryError, ShapeError
from lapel.schema import COMPOSED, WHOLE_LOOK, Card, Floats, Model, Outputs, Part, TextModel
from lapel.search.collection import Collection, matrix, top_values
from lapel.search.photo import embed_photos, from_picture, read_photo

ITEM = "item:"
"""Before an id: the reference is an item of the catalogue, whose stored embedding is used."""


@dataclass(frozen=True)
class Reference:
    """What a query looks like: vectors by attribute (and "look"), its regions (K, h, w) and a thumbnail (JPEG).

    values: attribute -> most probable value and its probability. outputs: everything the model gave, B = 1.
    """

    name: str
    vectors: Mapping[str, Floats]
    regions: Floats
    thumb: bytes
    values: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    outputs: Outputs | None = None

    @classmethod
    def of(cls, name: str, outputs: Outputs, thumb: bytes, card: Card) -> Reference:
        """From what the model gave for one picture (B = 1)."""
        vectors = dict(zip(card.vocabulary.names, outputs.embeddings[0], strict=True)) | {WHOLE_LOOK: outputs.look[0]}
        return cls(name, vectors, outputs.regions[0], thumb, top_values(outputs.values[0], card), outputs)


Pictures = Mapping[str, Image.Image | Reference]
"""Pictures by the name that a query uses for them: in memory, or embedded already."""


class Resolver:
    """Finds the vectors of a query's parts.

    Args:
        files: whether a reference may be a file's path; False for queries from elsewhere, which then can name
            items and the pictures that came with them and nothing else.
    """

    def __init__(
        self, collection: Collection, model: Callable[[], Model], pictures: Pictures | None = None, files: bool = True
    ) -> None:
        self.collection, self._model, self._pictures, self._files = collection, model, pictures or {}, files
        self._known: dict[str, Reference] = {}

    def vector(self, part: Part, attribute: str) -> tuple[str, Floats]:
        """The block to compare with, and the vector, of one term of a part.

        Raises:
            QueryError: words, and a model without a text encoder; or a reference that cannot be had.
            UnknownName: no such item. ImageError: a file that cannot be opened.
        """
        if part.text:
            return COMPOSED, self._text_vector(part)
        item = item_of(part.reference)
        if item is not None:  # its vectors are in memory; nothing else of it is needed
            return attribute, self.collection.index.blocks[attribute][self.collection.row(item)]
        return attribute, self.reference(part.reference).vectors[attribute]

    def reference(self, name: str | Path) -> Reference:
        """A stored item (`item:ID`), a picture that came with the query, or a file; each is embedded once."""
        key = str(name)
        if key not in self._known:
            self._known[key] = self._stored(key[len(ITEM) :]) if item_of(name) is not None else self._embedded(name)
        return self._known[key]

    def _embedded(self, name: str | Path) -> Reference:
        given = self._pictures.get(str(name))
        if isinstance(given, Reference):
            return given
        if given is None and not self._files:
            came = ", ".join(self._pictures) or "none"
            raise QueryError(
                f"No photo '{name}' came with this query (came: {came}). Send it, or name an item: item:ID."
            )
        model = self._model()
        photo = read_photo(name, model.card) if given is None else from_picture(given, model.card)
        return Reference.of(str(name), embed_photos(model, [photo]), photo.thumb, self.collection.card)

    def _stored(self, item: str) -> Reference:
        self.collection.row(item)
        card = self.collection.card
        columns = ["all", "look", "values", "regions", "thumb", *([COMPOSED] if card.composed_dim else [])]
        kept = self.collection.store.rows([item], columns)
        k = len(card.vocabulary)
        outputs = Outputs(
            _floats(kept["all"]).reshape(1, k, card.dim),
            _floats(kept["regions"]).reshape(1, k, *card.grid),
            _floats(kept["values"]) if card.vocabulary.width else np.zeros((1, 0), np.float32),
            _floats(kept["look"]),
            _floats(kept[COMPOSED]) if card.composed_dim else None,
        )
        return Reference.of(ITEM + item, outputs, kept["thumb"][0].as_py() or b"", card)

    def _text_vector(self, part: Part) -> Floats:
        encoder = self._text_model()
        if not str(part.reference):
            found = encoder.encode_text([part.text])
        else:
            outputs = self.reference(part.reference).outputs
            if outputs is None:
                raise QueryError(f"The reference '{part.reference}' was embedded without what a change by words needs.")
            found = encoder.compose(outputs, [part.text])
        wide = self.collection.card.composed_dim
        if np.shape(found) != (1, wide):
            raise ShapeError(f"The text encoder gave {np.shape(found)}; the card promises (1, {wide}).")
        return np.asarray(found[0], np.float32)

    def _text_model(self) -> TextModel:
        card = self.collection.card
        model = self._model() if card.composed_dim else None
        if not card.composed_dim and self._model().card.composed_dim:
            raise QueryError(
                f"This catalogue was filled before its model, '{card.name}', understood words; index its photos into a "
                "new catalogue (lapel index NEW PHOTOS) to search by words."
            )
        if not isinstance(model, TextModel):
            raise QueryError(
                f"The model of this catalogue, '{card.name}', does not understand words; "
                "ask by photos and attributes, or index the photos with a model that has a text encoder."
            )
        return model


def item_of(name: str | Path) -> str | None:
    """The id that a reference names, or None when it is a photo."""
    return name[len(ITEM) :] if isinstance(name, str) and name.startswith(ITEM) else None


def _floats(column: Any) -> NDArray[np.float32]:
    return matrix(column).astype(np.float32)
