"""What every route works with: the live catalogue, the threads, the photos sent, the limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response

from lapel.errors import QueryError
from lapel.interfaces.http.answers import Addresses, answer_json, explanation_json
from lapel.interfaces.http.asking import check_filter, check_references
from lapel.interfaces.http.batching import BatchedModel, rows_of
from lapel.interfaces.http.guards import id_of
from lapel.interfaces.http.live import Live, Snapshot
from lapel.interfaces.http.metrics import Metrics
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.settings import Settings
from lapel.interfaces.http.shelf import Shelf
from lapel.interfaces.http.uploads import open_photo
from lapel.interfaces.http.work import Pool
from lapel.schema import Query
from lapel.search import Reference
from lapel.search.photo import decode_target, embed_photos, from_picture


@dataclass(frozen=True)
class Service:
    """One server's parts. The methods below block: routes call them through `pool`."""

    settings: Settings
    live: Live
    model: BatchedModel
    pool: Pool
    shelf: Shelf
    metrics: Metrics
    addresses: Addresses

    def search(self, snapshot: Snapshot, query: Query, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Answer a query whose photos came along."""
        pictures = self._pictures(query, files)
        return answer_json(query, snapshot.catalogue.query(query, pictures, files=False), self.addresses)

    def explain(self, snapshot: Snapshot, query: Query, item: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Why an item scores as it does."""
        pictures = self._pictures(query, files)
        return explanation_json(query, snapshot.catalogue.explain(query, item, pictures, files=False))

    def embed(self, files: Mapping[str, bytes]) -> dict[str, Reference]:
        """Uploaded photos, checked, decoded, and sent through the model together with those of other requests."""
        if not files:
            return {}
        card, limits = self.model.card, self.settings.limits
        side = decode_target(card)  # as for a photo on disk: the same pixels, the same scores
        photos = [from_picture(open_photo(content, name, limits, side), card) for name, content in files.items()]
        outputs = embed_photos(self.model, photos)
        return {
            name: Reference.of(name, rows_of(outputs, at, at + 1), photo.thumb, self.model.card)
            for at, (name, photo) in enumerate(zip(files, photos, strict=True))
        }

    def known_item(self, item: str) -> str:
        """The id that a route was given.

        Raises:
            Problem: the catalogue has no such item.
        """
        item = id_of(item)
        if item not in self.live.now.catalogue:
            raise Problem("not-found", f"There is no item '{item[:200]}' in this catalogue.")
        return item

    def picture(self, request: Request, content: bytes) -> Response:
        """A JPEG, or 304 when the browser has this very one."""
        etag = f'"{hashlib.blake2b(content, digest_size=10).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "private, max-age=60"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="image/jpeg", headers=headers)

    def _pictures(self, query: Query, files: Mapping[str, bytes]) -> dict[str, Reference]:
        kept = {name: found for name in query.references if (found := self.shelf.get(name)) is not None}
        check_references(query, files.keys(), kept.keys())
        check_filter(query.where)
        if unused := [name for name in files if name not in query.references]:
            raise QueryError(f"The photo '{unused[0]}' came along, but the query does not name it.")
        return kept | self.embed(files)


def service(request: Request) -> Service:
    """The service of the app that a request came to."""
    found: Service = request.app.state.service
    return found
