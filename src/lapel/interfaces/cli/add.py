"""`lapel add CATALOGUE SOURCE`: `lapel index` for a catalogue that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lapel.interfaces.cli._adding import add_and_report, adding_options
from lapel.interfaces.cli._catalogues import open_catalogue


@click.command("add")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@adding_options
def command(catalogue: Path, source: Path, labels: Path | None, **how: Any) -> None:
    """Add the photos of SOURCE, a folder or a table that names them, to CATALOGUE, which must be there.

    `lapel index` does the same and makes the catalogue first when it is missing: a wrong name is no mistake there.
    """
    from lapel.catalogue.sources import read_source

    opened = open_catalogue(catalogue)
    items = read_source(source, labels)
    add_and_report(opened, items, **how)
