"""What Python callers write in `search(like=...)` -> a `Query`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lapel.errors import QueryError
from lapel.schema import WHOLE_LOOK, Part, Query
from lapel.search import Reference, with_words

Ref = str | Path | Image.Image
Wish = Mapping[str, float] | str | Sequence[str]
Like = Ref | Mapping[Any, Wish] | Sequence[tuple[Ref, Wish]]
"""See `Catalogue.search`. A PIL picture cannot be a mapping's key; use a pair for it."""

Text = str | Mapping[str | tuple[str | Path, str], float]
"""Words, or words -> weight, or (reference, change) -> weight. See `Catalogue.search`."""

Asked = tuple[Query, dict[str, Image.Image | Reference]]


def build_query(
    like: Like | None,
    unlike: Like | None,
    where: str,
    k: int,
    text: Text | None = None,
    diverse: bool = False,
    apart: bool = False,
) -> Asked:
    """The query, and the pictures in memory by the names its parts use for them.

    Raises:
        QueryError: nothing to look like, or something that is no reference.
    """
    pictures: dict[str, Image.Image | Reference] = {}
    pairs = _pairs(like) if like is not None else []
    wished = [(_part(ref, wish, False, pictures), wish is None) for ref, wish in pairs]
    worded = [_worded(said, weight) for said, weight in ({text: 1.0} if isinstance(text, str) else text or {}).items()]
    alone = [part for part in worded if not str(part.reference)]
    changes = [part for part in worded if str(part.reference)]
    unwished = [_part(ref, wish, True, pictures) for ref, wish in _pairs(unlike)] if unlike is not None else []
    return Query((*with_words(wished, alone, apart), *changes, *unwished), where, k, diverse), pictures


def _pairs(like: Like) -> list[tuple[Any, Any]]:
    """References with their wishes; None where a reference stands without one."""
    if isinstance(like, (str, Path, Image.Image)):
        return [(like, None)]
    if isinstance(like, Mapping):
        return list(like.items())
    pairs: list[tuple[Any, Any]] = []
    for entry in like:
        if isinstance(entry, (str, Path, Image.Image)):
            pairs.append((entry, None))
        else:
            pairs.append(entry)
    return pairs


def _worded(said: str | tuple[str | Path, str], weight: float) -> Part:
    if isinstance(said, str):
        return Part.words(said, float(weight))
    reference, change = said
    return Part.composed(reference, change, float(weight))


def _part(ref: Any, wish: Any, unlike: bool, pictures: dict[str, Image.Image | Reference]) -> Part:
    if wish is None or isinstance(wish, str):
        wish = {wish or WHOLE_LOOK: 1.0}
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
