"""`lapel data synth`: draw a labelled garment catalogue."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--n", default=2000, show_default=True, help="How many garments.")
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same bytes.")
@click.option("--size", default=256, show_default=True, help="Side of the pictures in pixels.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(folder: str, n: int, seed: int, size: int, as_json: bool) -> None:
    """Draw N labelled garments with masks into DIR: labels.csv, images/, masks/.

    Stopped half-way, the same command goes on where it was.
    """
    from lapel.progress import bar
    from lapel.synth import ATTRIBUTES, draw_catalogue

    with bar("drawing", n, unit="garments") as progress:
        table = draw_catalogue(folder, n, seed, size, progress)
    if as_json:
        click.echo(json.dumps({"table": str(table), "items": n, "seed": seed, "attributes": list(ATTRIBUTES)}))
    else:
        click.echo(f"Drew {n} garments with {len(ATTRIBUTES)} attributes: {table}")
