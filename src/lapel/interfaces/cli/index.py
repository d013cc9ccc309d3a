"""`lapel index CATALOGUE SOURCE`: fill or update a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lapel.interfaces.cli._adding import add_and_report, adding_options
from lapel.interfaces.cli._catalogues import open_or_create


@click.command("index")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", help="Shipped model or exported folder for a new catalogue [default: lapel-lite].")
@click.option("--store", default="lance", show_default=True, help="For a new catalogue: lance, or qdrant[:URL[#NAME]].")
@adding_options
def command(catalogue: Path, source: Path, labels: Path | None, model: str | None, store: str, **how: Any) -> None:
    """Fill or update CATALOGUE from SOURCE: a folder of photos, or a table (CSV, Parquet) that names them.

    The catalogue is made when it is not there. Photos that it has already are not embedded again, so the same
    command goes on where a stopped one left off.
    """
    from lapel.catalogue.sources import read_source

    items = read_source(source, labels)
    opened = open_or_create(catalogue, model, store)
    add_and_report(opened, items, **how)
