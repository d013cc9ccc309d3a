"""`lapel index CATALOGUE SOURCE`: fill or update a catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("index")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--labels", type=click.Path(path_type=Path), help="Table whose image column names photos inside SOURCE.")
@click.option("--model", help="Shipped model or exported folder for a new catalogue [default: lapel-lite].")
@click.option("--strict", is_flag=True, help="Stop at the first unreadable photo instead of listing it at the end.")
@click.option("--workers", default=2, show_default=True, help="Threads that read photos.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(
    catalogue: Path, source: Path, labels: Path | None, model: str | None, strict: bool, workers: int, as_json: bool
) -> None:
    """Fill or update CATALOGUE from SOURCE: a folder of photos, or a table (CSV, Parquet) that names them.

    The catalogue is made when it is not there. Photos that it has already are not embedded again, so the same
    command goes on where a stopped one left off.
    """
    from lapel.catalogue.sources import read_source
    from lapel.interfaces.cli._catalogues import open_or_create
    from lapel.progress import bar

    items = read_source(source, labels)
    opened = open_or_create(catalogue, model)
    with bar("indexing", len(items), show=False if as_json else None) as progress:
        report = opened.add(items, strict=strict, workers=workers, progress=progress)
    if as_json:
        click.echo(json.dumps(report.to_dict() | {"items": len(opened)}, ensure_ascii=False))
        return
    rate = f", {report.embedded / report.seconds:.0f} photos per second" if report.embedded and report.seconds else ""
    click.echo(
        f"{report.new} new, {report.unchanged} unchanged ({report.updated} with new labels or metadata), "
        f"{report.changed} changed, {len(report.unreadable)} unreadable; {report.seconds:.1f} s{rate}."
    )
    for error in report.unreadable:
        click.echo(f"unreadable: {error}", err=True)
    click.echo(f"{catalogue} holds {len(opened)} items.")
