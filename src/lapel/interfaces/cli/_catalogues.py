"""Opening catalogues for commands: warnings become lines, not Python warnings with file names."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lapel.errors import InputError

if TYPE_CHECKING:
    from lapel.catalogue import Catalogue

wait_option = click.option(
    "--wait", default=10.0, show_default=True, metavar="SECONDS", help="How long to wait for another writer."
)


def open_catalogue(path: Path, model: str | None = None) -> Catalogue:
    """Open a catalogue and print what opening had to repair."""
    from lapel.catalogue import Catalogue

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        opened = Catalogue.open(path, model)
    for note in opened.store.notes:
        click.echo(f"Warning: {note}", err=True)
    return opened


def open_or_create(path: Path, model: str | None = None, store: str = "lance") -> Catalogue:
    """Open a catalogue, or make it when nothing is there yet."""
    from lapel.catalogue import DEFAULT_MODEL, Catalogue

    if (path / "catalogue.json").exists():
        return open_catalogue(path, model)
    if path.is_file():
        raise InputError(f"{path} is a file. The first argument is the catalogue's folder, the second the photos.")
    return Catalogue.create(path, model or DEFAULT_MODEL, store)
