"""Lapel's records as HTTP answers: addresses instead of paths, numbers that JSON can hold."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from PIL import Image
from starlette.responses import Response

from lapel.catalogue.records import StoredItem
from lapel.explain.explanation import Explanation, Seen
from lapel.explain.overlays import frame
from lapel.interfaces.http.facets import plain
from lapel.schema import Answer, Hit, Preprocess, Query

DIGITS = 6


class Json(Response):
    """JSON in UTF-8; a number that JSON cannot hold would be a defect and is refused."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Content -> bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Addresses:
    """Where pictures are had. With a token they carry a key each, because an <img> cannot send a header."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def item(self, item: str) -> str:
        """The picture of an item."""
        return self._keyed(f"/v1/items/{quote(item, safe='')}/image")

    def photo(self, token: str) -> str:
        """The picture of a photo that was sent."""
        return self._keyed(f"/v1/photos/{quote(token, safe='')}/image")

    def opens(self, path: str, key: str) -> bool:
        """Whether the key belongs to this address; compared in constant time."""
        return self._token is not None and hmac.compare_digest(self._key(path).encode(), key.encode())

    def _keyed(self, path: str) -> str:
        return path if self._token is None else f"{path}?key={self._key(path)}"

    def _key(self, path: str) -> str:
        return hmac.new((self._token or "").encode(), path.encode(), hashlib.sha256).hexdigest()[:32]


def answer_json(query: Query, answer: Answer, addresses: Addresses) -> dict[str, Any]:
    """A search's answer."""
    whole = answer.to_dict()
    whole["hits"] = [_hit(hit, addresses) for hit in answer.hits]
    return {"query": query.to_dict()} | whole


def _hit(hit: Hit, addresses: Addresses) -> dict[str, Any]:
    picture = addresses.item(hit.item)
    data = hit.to_dict()
    return data | {"image": picture, "thumb": picture, "metadata": _plain(data["metadata"])}


def item_json(stored: StoredItem, addresses: Addresses) -> dict[str, Any]:
    """What is kept of one item; its path and the hash of its bytes stay here."""
    tops = {name: max(found.items(), key=lambda pair: pair[1]) for name, found in stored.values.items() if found}
    return listed_json(stored.id, tops, stored.metadata, addresses) | {
        "labels": {name: sorted(values) for name, values in stored.labels.items()},
        "probabilities": {name: {v: _share(p) for v, p in found.items()} for name, found in stored.values.items()},
    }


def listed_json(
    item: str, values: Mapping[str, tuple[str, float]], metadata: Mapping[str, Any], addresses: Addresses
) -> dict[str, Any]:
    """An item in a list."""
    picture = addresses.item(item)
    return {
        "item": item,
        "image": picture,
        "thumb": picture,
        "values": values_json(values),
        "metadata": _plain(metadata),
    }


def values_json(values: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """The most probable value of each attribute."""
    return {name: {"value": value, "probability": _share(p)} for name, (value, p) in values.items()}


def explanation_json(query: Query, found: Explanation) -> dict[str, Any]:
    """Why an item is a hit; each picture also says where on it the model's input lay."""
    data = found.to_dict()
    return {
        "query": query.to_dict(),
        **{key: data[key] for key in ("item", "score", "parts", "attributes", "model")},
        "references": [_seen(seen, found.card.preprocess) for seen in found.references],
        "hit": _seen(found.hit, found.card.preprocess),
    }


def _seen(seen: Seen, preprocess: Preprocess) -> dict[str, Any]:
    return seen.to_dict() | {"frame": frame_of(seen.thumb, preprocess)}


def frame_of(thumb: bytes, preprocess: Preprocess) -> dict[str, float]:
    """Where a region's grid lies on the picture, in per cent of it; it may reach beyond."""
    size = (1, 1)
    if thumb:
        with Image.open(io.BytesIO(thumb)) as picture:
            size = picture.size
    named = zip(("left", "top", "width", "height"), frame(size, preprocess), strict=True)
    return {name: round(100 * part, 3) for name, part in named}


def _share(probability: float) -> float:
    return round(min(1.0, max(0.0, probability)), DIGITS)


def _plain(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Cells that JSON can hold; an unusable number counts as an empty cell."""
    return {name: value for name, value in cells.items() if plain(value) is not None}
