"""`lapel.serve`: bind, say where, answer until told to stop, finish what was begun."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from lapel.catalogue import Catalogue
from lapel.errors import InputError
from lapel.interfaces.http.app import create_app
from lapel.interfaces.http.settings import Limits, Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
GRACE_SECONDS = 30
KEEP_ALIVE_SECONDS = 10


def serve(
    catalogue: Catalogue | str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    write: bool = False,
    token: str | None = None,
    cors: Sequence[str] = (),
    names: Sequence[str] = (),
    limits: Limits | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a catalogue over HTTP, with its search page, until the process is told to stop.

    SIGTERM or Ctrl-C: no new connection is taken, requests that have begun are answered (for at most 30 s), then this
    returns. A second Ctrl-C does not wait.

    Args:
        catalogue: an open one, or its folder. Items that another process adds are served without a restart.
        host: the address to bind; with the default, only this machine reaches it. Beyond that, give a token.
        port: 0 takes a free one.
        write: items may be added and removed.
        token: what every request must carry as `Authorization: Bearer TOKEN`.
        cors: origins whose pages may call the API.
        names: further names by which the server is called, when it is bound to this machine and stands behind another.
        limits: see `Limits`.
        ready: called with the page's address once requests are answered; with port 0 it says which.

    Raises:
        CatalogueError: the catalogue cannot be opened.
        InputError: the address cannot be bound.
    """
    known = (*LOOPBACK_NAMES, *(name.lower() for name in names)) if _is_loopback(host) else ()
    settings = Settings(write, token, tuple(cors), known, limits or Limits())
    bound = _bind(host, port)
    with contextlib.closing(bound):
        app = create_app(catalogue, settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        _Server(config, ready or (lambda address: None), _address(host, bound)).run(sockets=[bound])


class _Server(uvicorn.Server):
    """Says when it is ready; being told to stop is not an error, so the process goes on to its own end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None], address: str) -> None:
        super().__init__(config)
        self._ready, self._address = ready, address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, then `ready`."""
        await super().startup(sockets)
        if self.started:
            self._ready(self._address)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn does, without raising the signal again at the end."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends kindly, a second Ctrl-C at once."""
        super().handle_exit(sig, frame)
        if sig == signal.SIGTERM:
            logging.getLogger("lapel.http").info("Stopping: requests that have begun are answered.")


def _bind(host: str, port: int) -> socket.socket:
    """The port is taken before anything is loaded: a taken one is said at once.

    Raises:
        InputError: it cannot be bound.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"The port is {port}; give a number from 0 to 65535, 0 for any free one.")
    try:
        family, kind, number, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, number)
    except OSError as error:
        raise InputError(f"'{host}' is no address of this machine ({error}).") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError as error:
        bound.close()
        raise InputError(
            f"{host}:{port} cannot be bound ({error.strerror}). Give another port, or 0 for any free one."
        ) from error
    return bound


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(host: str, bound: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{bound.getsockname()[1]}/"
