"""`lapel add CATALOGUE SOURCE`: `lapel index` for a catalogue that is there already."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("add")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--labels", type=click.Path(path_type=Path), help="Table whose image column names photos inside SOURCE.")
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
    strict: bool,
    workers: int,
    engine: str,
    wait: float,
    as_json: bool,
) -> None:
    """Add the photos of SOURCE, a folder or a table that names them, to CATALOGUE, which must be there.

    `lapel index` does the same and makes the catalogue first when it is missing: a wrong name is no mistake there.
    """
    from lapel.catalogue.sources import read_source
    from lapel.interfaces.cli._adding import add_and_report
    from lapel.interfaces.cli._catalogues import open_catalogue

    opened = open_catalogue(catalogue)
    items = read_source(source, labels)
    add_and_report(opened, items, as_json, strict=strict, workers=workers, engine=engine, wait=wait)
