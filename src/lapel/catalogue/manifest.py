"""catalogue.json: what a catalogue folder is, which model filled it, and the last commit known to be on disk.

shop.lapel/
catalogue.json    this file; written last when a catalogue is made, replaced whole after every commit
items.lance/      the rows (`lapel.store`); absent when a Qdrant server keeps them
items.sums        a checksum for each of the table's files
model/            the ONNX model, unless it is a shipped one or was handed over in memory
writer.lock       held by the one process that writes
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lapel.errors import CatalogueError, ModelError
from lapel.schema import Card
from lapel.store import Place
from lapel.store.durable import write_atomic

FILE, FORMAT = "catalogue.json", 1
HERE = Place()

Source = Literal["shipped", "copied", "given"]
"""Where the model is: shipped with Lapel by name, copied into the folder, or handed over in memory."""


@dataclass(frozen=True)
class Manifest:
    """card: of the model that filled the catalogue. labels: label column -> values. table_version: last on disk.

    place: where the rows are.
    """

    card: Card
    source: Source
    model_name: str
    created_by: str
    created: str
    labels: dict[str, list[str]] = field(default_factory=dict)
    table_version: int = 0
    place: Place = HERE

    @classmethod
    def new(cls, card: Card, source: Source, model_name: str, place: Place = HERE) -> Manifest:
        """For a catalogue made now."""
        from lapel import __version__

        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(card, source, model_name, f"lapel {__version__}", now, place=place)

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read a folder's catalogue.json.

        Raises:
            CatalogueError: there is none, it is damaged, or its format is not read by this version.
        """
        path = folder / FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CatalogueError(
                f"{folder} is not a catalogue (no {FILE} in it). Make one: lapel index {folder} PHOTOS"
            ) from None
        except (ValueError, OSError) as error:
            raise CatalogueError(f"{path} cannot be read ({error}). Restore it from a copy, or index again.") from error
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise CatalogueError(
                f"{folder} has catalogue format {found}; this version of Lapel reads format {FORMAT}. "
                "Open it with the version that made it, or index the photos again."
            )
        return cls._from(data, path)

    @classmethod
    def _from(cls, data: dict[str, Any], path: Path) -> Manifest:
        try:
            card = Card.from_json(json.dumps(data["card"]))
            manifest = cls(
                card,
                data["model"]["source"],
                data["model"]["name"],
                data["created_by"],
                data["created"],
                {name: list(values) for name, values in data["labels"].items()},
                int(data["table_version"]),
                Place(**data.get("store", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ModelError) as error:
            raise CatalogueError(f"{path} is damaged ({error}). Restore it from a copy, or index again.") from error
        if data.get("fingerprint") != card.fingerprint:
            raise CatalogueError(f"{path} is damaged: its fingerprint does not belong to its card. Index again.")
        return manifest

    def save(self, folder: Path) -> None:
        """Replace catalogue.json as a whole, on disk when this returns."""
        data = {
            "format": FORMAT,
            "created_by": self.created_by,
            "created": self.created,
            "model": {"source": self.source, "name": self.model_name},
            "fingerprint": self.card.fingerprint,
            "labels": self.labels,
            "table_version": self.table_version,
            **({} if self.place == HERE else {"store": asdict(self.place)}),
            "card": json.loads(self.card.to_json()),
        }
        write_atomic(folder / FILE, json.dumps(data, indent=1, ensure_ascii=False).encode())

    def at(self, table_version: int) -> Manifest:
        """The same after a commit."""
        return replace(self, table_version=table_version)

    def with_labels(self, seen: dict[str, tuple[str, ...]]) -> Manifest:
        """The same with new label columns and new values, behind those it has."""
        merged = {name: list(values) for name, values in self.labels.items()}
        for name, values in seen.items():
            known = merged.setdefault(name, [])
            known.extend(value for value in values if value not in known)
        return replace(self, labels=merged)
