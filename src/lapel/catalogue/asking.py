"""What Python callers write in `search(like=...)` -> a `Query`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lapel.errors import QueryError
from lapel.schema import WHOLE_LOOK, Part, Query

Ref = str | Path | Image.Image
Wish = Mapping[str, float] | str | Sequence[str]
Like = Ref | Mapping[Any, Wish] | Sequence[tuple[Ref, Wish]]
"""See `Catalogue.search`. A PIL picture cannot be a mapping's key; use a pair for it."""


def build_query(like: Like, unlike: Like | None, where: str, k: int) -> tuple[Query, dict[str, Image.Image]]:
    """The query, and the pictures in memory by the names its parts use for them.

    Raises:
        QueryError: nothing to look like, or something that is no reference.
    """
    pictures: dict[str, Image.Image] = {}
    wished = [_part(ref, wish, False, pictures) for ref, wish in _pairs(like)]
    unwished = [_part(ref, wish, True, pictures) for ref, wish in _pairs(unlike)] if unlike is not None else []
    return Query((*wished, *unwished), where, k), pictures


def _pairs(like: Like) -> list[tuple[Any, Any]]:
    if isinstance(like, (str, Path, Image.Image)):
        return [(like, WHOLE_LOOK)]
    if isinstance(like, Mapping):
        return list(like.items())
    pairs: list[tuple[Any, Any]] = []
    for entry in like:
        if isinstance(entry, (str, Path, Image.Image)):
            pairs.append((entry, WHOLE_LOOK))
        else:
            pairs.append(entry)
    return pairs


def _part(ref: Any, wish: Any, unlike: bool, pictures: dict[str, Image.Image]) -> Part:
    if isinstance(wish, str):
        wish = {wish: 1.0}
    elif not isinstance(wish, Mapping):
        wish = dict.fromkeys(wish, 1.0)
    weights = {name: float(weight) for name, weight in wish.items()}
    if isinstance(ref, Image.Image):
        name = f"picture {len(pictures) + 1}"
        pictures[name] = ref
        return Part(name, weights, unlike)
    if not isinstance(ref, (str, Path)):
        raise QueryError(f"{ref!r} is no reference; give a photo's path, 'item:ID' or a PIL picture.")
    return Part(ref, weights, unlike)
