"""`lapel demo`: from nothing to a search page."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("demo")
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything goes [default: Lapel's cache].")
@click.option("--n", default=600, show_default=True, help="How many garments are drawn.")
@click.option("--model", help="Shipped model or exported folder [default: lapel-lite].")
@click.option("--no-open", is_flag=True, help="Write the page but open no browser.")
@click.option(
    "--check", is_flag=True, help="Without a person: exit 0 only if garments find themselves and the page is there."
)
def command(folder: Path | None, n: int, model: str | None, no_open: bool, check: bool) -> None:
    """Draw a small catalogue, index it with the shipped model, write a page of example queries and open it.

    Nothing is downloaded. What an earlier run made is used again.
    """
    from lapel.catalogue import DEFAULT_MODEL
    from lapel.demo import run_demo

    made = run_demo(folder, n, model=model or DEFAULT_MODEL, open_browser=not (no_open or check), show=None)
    click.echo(f"{made.items} drawn garments in {made.catalogue}")
    click.echo(f"{'Opened' if made.opened else 'Open this page:'} {made.page.as_uri()}")
    if check and not made.passed:
        click.echo("Error: a garment of the catalogue was not its own first hit, or the page is missing.", err=True)
        sys.exit(1)
    if check:
        click.echo("Checked: garments are their own first hits, and the page is written.")
