"""What a server is told when it starts: its limits and its freedoms."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from lapel.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Beyond each of these a request is refused with a 4xx problem that names the limit.

    upload_bytes: the whole body, counted while it arrives. pixels, side: of one photo, read from its header before
    anything is decoded. files: photos in one request. k: hits asked for. parts: of one query. text: characters of
    one filter or of one wish in words. query_bytes: the query's JSON. seconds: from the first byte of a request to
    its answer. waiting: requests at work or waiting for it at the same time.
    """

    upload_bytes: int = 20 * 2**20
    pixels: int = 50_000_000
    side: int = 16_384
    files: int = 8
    k: int = 200
    parts: int = 16
    text: int = 1_000
    query_bytes: int = 64 * 2**10
    seconds: float = 30.0
    waiting: int = 256

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value <= 0:
                raise InputError(f"The limit '{entry.name}' is {value}; a limit is a number above 0.")


@dataclass(frozen=True)
class Settings:
    """How a server behaves.

    write: items may be added and removed. token: every request but health and the page's own files must carry it.
    cors: origins (https://shop.example) whose pages may call the API; none by default.
    hosts: names that a request's Host header may bear; empty allows any. `serve` names the loopback ones there, so
    that no foreign page reaches a local server through a name that it points at this machine.
    workers: threads that decode and search. batch, batch_wait_ms: photos of concurrent requests go through the model
    together, at most so many at once; the first waits at most so long for others.
    photos_kept, photo_seconds: uploaded photos that a token still stands for, and how long after their last use.
    refresh_seconds: how often, at most, a request looks whether another process has changed the catalogue.
    write_seconds: how long a request that writes waits for another process that does; then it is a 409 problem.
    """

    write: bool = False
    token: str | None = None
    cors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    workers: int = 16
    batch: int = 16
    batch_wait_ms: float = 5.0
    photos_kept: int = 256
    photo_seconds: float = 3600.0
    refresh_seconds: float = 0.5
    write_seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token.strip()):
            raise InputError("The token is empty or holds unusual characters; use letters, digits and signs.")
        for origin in self.cors:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise InputError(f"'{origin}' is no origin; write it as https://shop.example, without a path.")
