"""`lapel remove CATALOGUE ID...`: take items out of a catalogue; the photos themselves stay."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lapel.interfaces.cli._catalogues import open_catalogue, wait_option


@click.command("remove")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("ids", nargs=-1)
@click.option("--where", default="", metavar="FILTER", help="Remove the items that meet this filter: sold = true")
@wait_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(catalogue: Path, ids: tuple[str, ...], where: str, wait: float, as_json: bool) -> None:
    """Remove items from CATALOGUE by their IDS, or those that meet a filter. The photos' files are not touched."""
    if bool(ids) == bool(where):
        raise click.UsageError("Name the items to remove, or give --where FILTER.")
    opened = open_catalogue(catalogue)
    removed = opened.remove(ids or opened.matching(where), wait=wait)
    if as_json:
        click.echo(json.dumps({"removed": removed, "items": len(opened)}))
    else:
        click.echo(f"{removed} removed. {catalogue} holds {len(opened)} items.")
