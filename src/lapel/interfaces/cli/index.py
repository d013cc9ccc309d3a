"""`lapel index CATALOGUE SOURCE`: fill or update a catalogue."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("index")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--labels", type=click.Path(path_type=Path), help="Table whose image column names photos inside SOURCE.")
@click.option("--model", help="Shipped model or exported folder for a new catalogue [default: lapel-lite].")
@click.option("--store", default="lance", show_default=True, help="For a new catalogue: lance, or qdrant[:URL[#NAME]].")
@click.option("--strict", is_flag=True, help="Stop at the first unreadable photo instead of listing it at the end.")
@click.option(
    "--workers", default=2, show_default=True, help="Threads that read photos; processes that embed with Ray."
)
@click.option("--engine", type=click.Choice(["plain", "ray"]), default="plain", show_default=True, help="What embeds.")
@click.option("--wait", default=10.0, show_default=True, metavar="SECONDS", help="How long to wait for another writer.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(
    catalogue: Path,
    source: Path,
    labels: Path | None,
    model: str | None,
    store: str,
    strict: bool,
    workers: int,
    engine: str,
    wait: float,
    as_json: bool,
) -> None:
    """Fill or update CATALOGUE from SOURCE: a folder of photos, or a table (CSV, Parquet) that names them.

    The catalogue is made when it is not there. Photos that it has already are not embedded again, so the same
    command goes on where a stopped one left off.
    """
    from lapel.catalogue.sources import read_source
    from lapel.interfaces.cli._adding import add_and_report
    from lapel.interfaces.cli._catalogues import open_or_create

    items = read_source(source, labels)
    opened = open_or_create(catalogue, model, store)
    add_and_report(opened, items, as_json, strict=strict, workers=workers, engine=engine, wait=wait)
