"""The calls to Qdrant, and what goes wrong in them, as sentences."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lapel.errors import CatalogueError, MissingExtra
from lapel.store.qdrant_points import USER

URL, KEY = "LAPEL_QDRANT_URL", "LAPEL_QDRANT_API_KEY"
SHARDS, REPLICAS = "LAPEL_QDRANT_SHARDS", "LAPEL_QDRANT_REPLICAS"
POINTS_A_PAGE = 2048
SECONDS = 60

_opened: dict[str, Any] = {}
_opening = threading.Lock()


@atexit.register
def _close() -> None:
    """The client cannot close its files any more while the interpreter goes down."""
    while _opened:
        _opened.popitem()[1].close()


def url_of_environment() -> str:
    """The server that LAPEL_QDRANT_URL names, or ""."""
    return os.environ.get(URL, "")


class Connection:
    """One catalogue's two collections: NAME holds the items, NAME.meta one point that describes them.

    url: of a server; the environment's LAPEL_QDRANT_URL goes before it, so that a moved server needs no new catalogue.
        "" keeps the points in `folder`/qdrant, which one process at a time can open; ":memory:" nowhere.
    """

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self.name, self.meta = name, f"{name}.meta"
        self.place = (url_of_environment() or url) if url != ":memory:" else url
        self._client = _client(self.place, folder)

    def create(self, vectors: Mapping[str, int], about: Mapping[str, Any]) -> None:
        """Make both collections; empty ones of the same name, left by a creation cut short, are replaced."""
        from qdrant_client import models

        with self._saying():
            for name in (self.name, self.meta):
                if self._client.collection_exists(name):
                    if name == self.name and self._client.count(name).count:
                        raise CatalogueError(
                            f"Qdrant at {self.place or 'this folder'} has a collection '{name}' that holds points. "
                            "Choose another name (--store qdrant:URL#NAME), or delete it first."
                        )
                    self._client.delete_collection(name)
            spread = {key: int(os.environ[name]) for key, name in _SPREAD.items() if os.environ.get(name)}
            self._client.create_collection(
                self.name,
                vectors_config={
                    name: models.VectorParams(size=size, distance=models.Distance.DOT, on_disk=True)
                    for name, size in vectors.items()
                },
                on_disk_payload=True,
                **spread,
            )
            self._client.create_collection(
                self.meta,
                vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT),
                **({"replication_factor": spread["replication_factor"]} if "replication_factor" in spread else {}),
            )
        self.describe(about)

    def about(self) -> dict[str, Any]:
        """What the one point of NAME.meta says.

        Raises:
            CatalogueError: there is no such collection, or it does not describe a catalogue.
        """
        with self._saying():
            found = self._client.retrieve(self.meta, [0]) if self._client.collection_exists(self.meta) else []
        if not found or not isinstance(found[0].payload, dict):
            raise CatalogueError(
                f"Qdrant at {self.place or 'this folder'} has no catalogue called '{self.name}'. Name the server that "
                f"has it ({URL}), or index again."
            )
        return dict(found[0].payload)

    def describe(self, about: Mapping[str, Any]) -> None:
        """Replace that point."""
        from qdrant_client import models

        with self._saying():
            self._client.upsert(self.meta, [models.PointStruct(id=0, vector=[1.0], payload=dict(about))], wait=True)

    def upsert(self, points: Sequence[Any]) -> None:
        """Write whole points; applied by the server when this returns."""
        with self._saying():
            self._client.upsert(self.name, points, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points."""
        with self._saying():
            self._client.delete(self.name, list(ids), wait=True)

    def scroll(self) -> Iterator[Any]:
        """Every point with its payload, thumbnails and packed vectors left out."""
        offset = None
        while True:
            with self._saying():
                light = ["id", "image", "hash", "seq", USER]
                points, offset = self._client.scroll(
                    self.name, limit=POINTS_A_PAGE, offset=offset, with_payload=light, with_vectors=False
                )
            yield from points
            if offset is None:
                return

    def retrieve(self, ids: Sequence[str], vectors: Sequence[str], payload: Sequence[str]) -> list[Any]:
        """These points, with these vectors and payload keys."""
        with self._saying():
            kept = list(payload) or False
            return list(self._client.retrieve(self.name, ids, with_payload=kept, with_vectors=list(vectors)))

    def troubles(self) -> list[str]:
        """What the server says is wrong with the collection."""
        with self._saying():
            info = self._client.get_collection(self.name)
        status = str(getattr(info.status, "value", info.status))
        return (
            [] if status in ("green", "yellow", "grey") else [f"Qdrant says the collection '{self.name}' is {status}."]
        )

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except CatalogueError:
            raise
        except Exception as error:  # the client raises its own and its transports' classes
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise CatalogueError(
                f"Qdrant at {self.place or 'this folder'} did not do what was asked: {reason}. Check that it runs and "
                f"that {URL} and {KEY} are right; then run the same again."
            ) from error


_SPREAD = {"shard_number": SHARDS, "replication_factor": REPLICAS}


def _client(place: str, folder: Path) -> Any:
    """One client a place and process: files in a folder can be opened once."""
    try:
        from qdrant_client import QdrantClient
    except ImportError as error:
        raise MissingExtra("A catalogue on Qdrant", "qdrant") from error
    files = str((folder / "qdrant").resolve())
    with _opening:
        # Files of a deleted folder must not answer for a new one of the same name.
        if place == "" and files in _opened and not Path(files).exists():
            _opened.pop(files).close()
        key = place or files
        if key not in _opened:
            try:
                if place == ":memory:":
                    _opened[key] = QdrantClient(":memory:")
                elif place:
                    _opened[key] = QdrantClient(
                        url=place, api_key=os.environ.get(KEY), timeout=SECONDS, check_compatibility=False
                    )
                else:
                    _opened[key] = QdrantClient(path=files)
            except Exception as error:
                reason = " ".join(str(error).split())[:300]
                raise CatalogueError(f"Qdrant at {place or files} cannot be opened: {reason}") from error
        return _opened[key]
