"""One stored item, as the page and the HTTP API show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapel.catalogue.manifest import Manifest
from lapel.schema import SEPARATOR
from lapel.search.collection import matrix, unknown_item
from lapel.store import Store


@dataclass(frozen=True)
class StoredItem:
    """What is kept of one item, its picture and vectors left out.

    image: the photo's path when it was added. hash: of its bytes, 32 hex digits.
    metadata: the user's columns that are not empty, labels included as written (`a|b` holds both).
    labels: the label columns among them, as sets of values.
    values: attribute -> value -> probability, as predicted; empty when the model's values are not fitted.
    """

    id: str
    image: str
    hash: str
    metadata: Mapping[str, Any]
    labels: Mapping[str, frozenset[str]]
    values: Mapping[str, Mapping[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.id,
            "image": self.image,
            "hash": self.hash,
            "metadata": dict(self.metadata),
            "labels": {name: sorted(values) for name, values in self.labels.items()},
            "values": {name: dict(values) for name, values in self.values.items()},
        }


def read_item(store: Store, manifest: Manifest, item: str) -> StoredItem:
    """The item of this id.

    Raises:
        UnknownName, QueryError: there is none.
    """
    own = ["id", "image", "hash", *(["values"] if manifest.card.values_fitted else [])]
    row = one_row(store, item, [*own, *store.columns])
    seen = matrix(row["values"])[0] if manifest.card.values_fitted else None
    record = row.drop_columns(["values"] if seen is not None else []).to_pylist()[0]
    metadata = {name: record[name] for name in store.columns if record[name] is not None}
    labels = {name: frozenset(metadata[name].split(SEPARATOR)) for name in manifest.labels if name in metadata}
    vocabulary = manifest.card.vocabulary
    values = (
        {}
        if seen is None
        else {
            attribute.name: dict(zip(attribute.values, map(float, seen[part]), strict=True))
            for attribute, part in zip(vocabulary, vocabulary.slices, strict=True)
            if attribute.values
        }
    )
    return StoredItem(record["id"], record["image"], record["hash"], metadata, labels, values)


def one_row(store: Store, item: str, columns: Sequence[str]) -> Any:
    """An Arrow table of the one row of this id.

    Raises:
        UnknownName: there is no such item; suggests the nearest id when there are few.
        QueryError: the same in a catalogue of many.
    """
    row = store.rows([item], columns)
    if len(row):
        return row
    raise unknown_item(item, store.count(), lambda: store.table(["id"])["id"].to_pylist())
