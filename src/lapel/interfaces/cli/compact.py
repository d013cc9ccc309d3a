"""`lapel compact CATALOGUE`: join small pieces."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lapel.interfaces.cli._catalogues import open_catalogue, wait_option


@click.command("compact")
@click.argument("catalogue", type=click.Path(path_type=Path))
@wait_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(catalogue: Path, wait: float, as_json: bool) -> None:
    """Join the small pieces that many changes leave in CATALOGUE; no answer changes. Adding does it at its end."""
    opened = open_catalogue(catalogue)
    before = opened.info()["bytes"]
    opened.compact(wait=wait)
    after = opened.info()["bytes"]
    if as_json:
        click.echo(json.dumps({"items": len(opened), "bytes_before": before, "bytes": after}))
    else:
        click.echo(f"{catalogue}: {len(opened)} items, {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")
