"""What stands between the socket and the routes: headers, metrics, names, origins, the token, the clock."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, quote, unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lapel.interfaces.http.answers import Addresses
from lapel.interfaces.http.metrics import NO_ROUTE, Metrics
from lapel.interfaces.http.problems import Problem, problem_of

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""On every answer. No inline script or style, nothing from elsewhere, no address told to other sites."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
HEALTH = "/v1/health"
NEEDS_TOKEN = ("/v1/", "/metrics", "/openapi.json")
"""Everything else is the page's own files, which hold nothing of the catalogue."""


class Watch:
    """Outermost: security headers, metrics, and a problem instead of whatever nobody caught."""

    def __init__(self, app: ASGIApp, metrics: Metrics, shared: bool) -> None:
        self.app, self.metrics = app, metrics
        self.headers = dict(SECURITY) | ({} if shared else {"Cross-Origin-Resource-Policy": "same-origin"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        self.metrics.began()
        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            if status:
                raise
            await problem_of(error).response()(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self.metrics.ended(scope["method"], route, status or 499, time.perf_counter() - began)


class Names:
    """The Host header is one of this server's names; a page of another origin changes nothing here."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self.app, self.hosts, self.origins = app, frozenset(hosts), frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and (problem := self._problem(scope)) is not None:
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.hosts and name.lower() not in self.hosts:
            return Problem("wrong-host", f"This server is not called '{name[:100]}'; --allow-host adds a name.")
        if origin is None or scope["method"] in READING or "*" in self.origins or origin in self.origins:
            return None
        if origin.partition("://")[2] == host:
            return None
        return Problem("forbidden", f"This request comes from a page of {origin[:100]}; --cors allows an origin.")


class Token:
    """A bearer token on everything but health and the page's own files; pictures may bear a key instead."""

    def __init__(self, app: ASGIApp, token: str, addresses: Addresses) -> None:
        self.app, self._wanted, self._addresses = app, f"Bearer {token}".encode(), addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and not self._may_pass(scope):
            problem = Problem("token", "Send the header 'Authorization: Bearer TOKEN'.", {"WWW-Authenticate": "Bearer"})
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path == HEALTH or not path.startswith(NEEDS_TOKEN):
            return True
        given = Headers(scope=scope).get("authorization", "")
        scheme, _, rest = given.partition(" ")
        normal = f"{scheme.capitalize()} {rest.strip()}".encode()
        if hmac.compare_digest(normal, self._wanted):
            return True
        key = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key", [""])[0]
        raw = scope.get("raw_path") or quote(path).encode()
        return path.endswith("/image") and self._addresses.opens(raw.decode("latin-1"), key)


class Clock:
    """A request is answered in time, its body's arrival included, or given up."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self.seconds):
                await self.app(scope, receive, sending)
        except TimeoutError:
            if started:
                raise
            detail = f"The answer was not ready after {self.seconds:g} s."
            await Problem("too-slow", detail, {"Connection": "close"}).response()(scope, receive, sending)


class Segments:
    """An id in an address is one segment, percent-encoded: `women%2Fa.jpg` stays one though the id holds a slash."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            segments = [unquote(segment) for segment in raw.decode("latin-1").split("/")]
            scope["path"] = "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)
        await self.app(scope, receive, send)


def id_of(segment: str) -> str:
    """The id that a route was given, after `Segments`."""
    return segment.replace("%2F", "/").replace("%25", "%")
