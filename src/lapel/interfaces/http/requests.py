"""The body of a query's request: JSON alone, or a form with the JSON and the photos that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from lapel.interfaces.http.asking import read_json, read_query
from lapel.interfaces.http.problems import Problem
from lapel.interfaces.http.settings import Limits
from lapel.interfaces.http.uploads import PHOTOS, Form, read_form, whole_body
from lapel.schema import Query

JSON, FORM = "application/json", "multipart/form-data"


def kind_of_body(request: Request) -> str:
    """The media type without its parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_asked(request: Request, limits: Limits, wanted: tuple[str, ...] = ("query",)) -> tuple[Any, Form]:
    """The JSON of a request and what else its form held.

    wanted: with JSON alone and one name, the body is that value; with several, the body is an object of them. In a
    form they are fields: the first is JSON, the others are text.

    Returns:
        The first one's JSON value, and a form with the other fields and the files.

    Raises:
        Problem: another kind of body, or one that cannot be read.
    """
    kind = kind_of_body(request)
    if kind == JSON:
        found = read_json(await whole_body(request, limits.query_bytes), limits)
        if len(wanted) == 1:
            return found, Form({}, {})
        if not isinstance(found, dict) or set(found) != set(wanted):
            raise Problem("query", f"The body is to be an object with {' and '.join(wanted)}, and nothing else.")
        others = {name: found[name] for name in wanted[1:]}
        if wrong := [name for name, value in others.items() if not isinstance(value, str)]:
            raise Problem("query", f"'{wrong[0]}' is to be text.")
        return found[wanted[0]], Form(others, {})
    if kind == FORM:
        form = await read_form(request, limits)
        if set(form.fields) != set(wanted):
            raise Problem("query", f"The form needs the fields {', '.join(wanted)}, and files in '{PHOTOS}' only.")
        others = {name: form.fields[name] for name in wanted[1:]}
        return read_json(form.fields[wanted[0]].encode(errors="surrogatepass"), limits), Form(others, form.files)
    raise Problem("media-type", f"Send {JSON}, or {FORM} with photos; not '{kind[:100] or 'nothing'}'.")


async def read_search(request: Request, limits: Limits) -> tuple[Query, Mapping[str, bytes]]:
    """A query, and the photos that came along, by name."""
    data, form = await read_asked(request, limits)
    return read_query(data, limits), form.files
