"""The limits of a server as options; their defaults stand in `lapel.interfaces.http.settings`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

LIMITS: tuple[tuple[str, str, Any, str], ...] = (
    ("--max-upload", "upload_bytes", 20 * 2**20, "Bytes of one request."),
    ("--max-pixels", "pixels", 50_000_000, "Pixels of one photo."),
    ("--max-side", "side", 16_384, "Pixels of a photo's longer side."),
    ("--max-files", "files", 8, "Photos in one request."),
    ("--max-k", "k", 200, "Hits of one search."),
    ("--max-parts", "parts", 16, "Parts of one query."),
    ("--max-text", "text", 1_000, "Characters of one filter or wish in words."),
    ("--max-query", "query_bytes", 64 * 2**10, "Bytes of a query's JSON."),
    ("--max-seconds", "seconds", 30.0, "Seconds of one request."),
    ("--max-waiting", "waiting", 256, "Requests at work or waiting at once."),
)
"""Option, field of `Limits`, its default (a test holds it against the field's), help."""


def limit_options(command: F) -> F:
    """Add one option a limit."""
    for option, field, default, text in reversed(LIMITS):
        command = click.option(option, field, default=default, show_default=True, help=text)(command)
    return command
