"""Where the rows of a catalogue are, and the store that opens them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.errors import InputError, UnknownName
from lapel.store.lance import LanceStore

if TYPE_CHECKING:
    from lapel.store.base import Store

KINDS = ("lance", "qdrant")


@dataclass(frozen=True)
class Place:
    """kind: "lance" (inside the catalogue's folder) or "qdrant". url: of a Qdrant server, "" for one process's own.

    name: the Qdrant collection; "" for LanceDB.
    """

    kind: str = "lance"
    url: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName("store", self.kind, KINDS)

    @classmethod
    def named(cls, text: str, folder: Path) -> Place:
        """What `--store` says: `lance`, `qdrant`, `qdrant:URL` or `qdrant:URL#COLLECTION`.

        Without a URL, the one in the environment's LAPEL_QDRANT_URL; without that one, files in the catalogue's
        folder that one process at a time can open. The collection is called like the folder unless named.
        """
        kind, _, rest = text.partition(":")
        if kind != "qdrant":
            if rest:
                raise InputError(f"'{text}' is no store; write lance, qdrant, or qdrant:http://host:6333.")
            return cls(kind)
        from lapel.store.qdrant import url_of_environment

        url, _, name = rest.partition("#")
        return cls("qdrant", url or url_of_environment(), name or folder.resolve().name)


def create_store(place: Place, folder: Path, sizes: Mapping[str, int]) -> Store:
    """A new, empty store; see `LanceStore.create` and `QdrantStore.create`."""
    if place.kind == "lance":
        return LanceStore.create(folder, sizes)
    from lapel.store.qdrant import QdrantStore

    return QdrantStore.create(folder, sizes, place.url, place.name)


def open_store(place: Place, folder: Path, good_version: int = 0, locked: bool = False) -> Store:
    """Open the rows of a catalogue; see `LanceStore.open` and `QdrantStore.open`."""
    if place.kind == "lance":
        return LanceStore.open(folder, good_version, locked)
    from lapel.store.qdrant import QdrantStore

    return QdrantStore.open(folder, place.url, place.name)
