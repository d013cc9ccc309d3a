"""A request's query: JSON read strictly, held against the limits, its references never taken for paths."""

from __future__ import annotations

import json
from collections.abc import Collection as Names
from typing import Any

from lapel.errors import QueryError, UnknownName
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.settings import Limits
from lapel.schema import Query
from lapel.schema.condition import columns_of
from lapel.schema.query import why_no_json
from lapel.search import ITEM
from lapel.search.where import parse

PHOTO = "photo:"
HIDDEN = "image"
"""A column of our own that HTTP filters may not use: it holds paths of the machine that filled the catalogue."""


def read_json(content: bytes, limits: Limits) -> Any:
    """The JSON value that some bytes hold.

    Raises:
        Problem: too long, no UTF-8, no JSON, or JSON that means different things to different readers.
    """
    if len(content) > limits.query_bytes:
        raise Problem("too-large", f"The JSON has {len(content)} bytes; at most {limits.query_bytes} are read.")
    try:
        found = json.loads(content.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_distinct)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Problem("unreadable", f"This cannot be read as JSON: {why_no_json(error)}.") from error
    return found


def read_query(data: Any, limits: Limits) -> Query:
    """The query that a JSON value says.

    Raises:
        Problem: beyond a limit. QueryError: not a query.
    """
    query = Query.from_dict(data)
    if len(query.parts) > limits.parts:
        raise Problem("query", f"The query has {len(query.parts)} parts; this server answers at most {limits.parts}.")
    if query.k > limits.k:
        raise Problem("query", f"k is {query.k}; this server gives at most {limits.k} hits.")
    for text in (query.where, *(part.text for part in query.parts)):
        if len(text) > limits.text:
            raise Problem("query", f"A text of the query has {len(text)} characters; at most {limits.text} are read.")
    return query


def check_filter(where: str) -> None:
    """Refuse a filter on the stored paths: by its answers, they could be guessed letter by letter.

    Raises:
        UnknownName: the filter names that column. QueryError: it cannot be read.
    """
    condition = parse(where)
    if condition is not None and HIDDEN in columns_of(condition):
        raise UnknownName("column", HIDDEN, (), "This server")


def check_references(query: Query, uploads: Names[str], photos: Names[str]) -> None:
    """Every reference is an item, a photo sent along, or a photo sent before; anything else could be a path.

    Raises:
        QueryError: it is none of these.
    """
    for name in query.references:
        if name.startswith(ITEM) or name in uploads or name in photos:
            continue
        if name.startswith(PHOTO):
            raise QueryError(f"'{name}' is not known (any more): send the photo again to POST /v1/photos.")
        sent = f" Photos sent along: {', '.join(sorted(uploads))}." if uploads else " No photo was sent along."
        raise QueryError(
            f"'{name[:100]}' is neither item:ID nor photo:TOKEN nor the name of a photo sent along.{sent} "
            "Paths and addresses are never opened."
        )


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has an entry twice")
    return found
