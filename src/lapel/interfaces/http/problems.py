"""Everything that goes wrong becomes one RFC 9457 problem: application/problem+json, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from lapel import errors

log = logging.getLogger("lapel.http")

KINDS: dict[str, tuple[int, str]] = {
    "unreadable": (400, "The request cannot be read"),
    "token": (401, "A token is needed"),
    "forbidden": (403, "Not allowed from here"),
    "not-found": (404, "There is no such thing"),
    "method": (405, "Not possible here"),
    "too-slow": (408, "The request took too long"),
    "exists": (409, "It is there already"),
    "busy-catalogue": (409, "The catalogue is being written by another process"),
    "too-large": (413, "Larger than this server accepts"),
    "media-type": (415, "Not a kind of content that is read here"),
    "wrong-host": (421, "Not a name of this server"),
    "query": (422, "The request cannot be answered as asked"),
    "photo": (422, "A photo cannot be used"),
    "too-many": (429, "Too many requests at once"),
    "failure": (500, "The server failed"),
    "catalogue": (503, "The catalogue cannot be read"),
}
"""The last part of a problem's `type` -> its status and title."""

TYPE = "urn:lapel:problem:"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer of its own kind: raised anywhere below the app, sent as problem+json."""

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.kind, self.detail, self.headers = kind, detail, dict(headers or {})
        super().__init__(detail)

    def response(self) -> JSONResponse:
        """As it goes over the wire."""
        status, title = KINDS[self.kind]
        body = {"type": TYPE + self.kind, "title": title, "status": status, "detail": self.detail}
        return JSONResponse(body, status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """The problem that an exception stands for; what nobody expected is a failure, logged and not shown."""
    match error:
        case Problem():
            return error
        case errors.ImageNotAnImage():
            return Problem("media-type", str(error))
        case errors.ImageTooLarge():
            return Problem("too-large", str(error))
        case errors.ImageError():
            return Problem("photo", str(error))
        case errors.InputError() | errors.TableError():
            return Problem("query", str(error))
        case errors.CatalogueError() if is_busy(error):
            detail = "Another process is writing this catalogue. Searching goes on; try again when it has finished."
            return Problem("busy-catalogue", detail, {"Retry-After": "5"})
        case errors.LapelError():
            log.error("%s: %s", type(error).__name__, error)
            return Problem("catalogue", "The catalogue or its model cannot be used now; the server's log says why.")
        case _:
            log.error("A request failed.", exc_info=error)
            return Problem("failure", "This is a defect of the server; its log says more.")


def is_busy(error: Exception) -> bool:
    """Whether a catalogue cannot be written because another process is writing it."""
    return "being written by another process" in str(error)


def install(app: FastAPI) -> None:
    """Every exception that reaches the app is answered by a problem."""

    async def on_error(request: Request, error: Exception) -> JSONResponse:
        return problem_of(error).response()

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _of_status(error, request).response()

    async def on_invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"][1:]) or "the request"
        return Problem("query", f"{place}: {first['msg']}.").response()

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Problem, on_error)
    app.add_exception_handler(errors.LapelError, on_error)


def _of_status(error: HTTPException, request: Request) -> Problem:
    known = {404: "not-found", 405: "method"}
    details = {
        "not-found": f"Nothing is served at {request.url.path}.",
        "method": f"{request.method} is not possible here. Changing items needs a server started with --write.",
    }
    kind = known.get(error.status_code, "unreadable")
    return Problem(kind, details.get(kind, str(error.detail)), error.headers)
