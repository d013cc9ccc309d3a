"""`lapel demo`: from nothing to a search page."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lapel.catalogue import Catalogue


@click.command("demo")
@click.option("--folder", type=click.Path(path_type=Path), help="Where everything goes [default: Lapel's cache].")
@click.option("--n", default=600, show_default=True, help="How many garments are drawn.")
@click.option("--model", help="Shipped model or exported folder [default: lapel-lite].")
@click.option("--port", default=0, help="Port of the page [default: a free one].")
@click.option("--no-open", is_flag=True, help="Print the page's address but open no browser.")
@click.option("--no-serve", is_flag=True, help="Write a page of example queries instead, which needs no server.")
@click.option(
    "--check",
    is_flag=True,
    help="Without a person: exit 0 only if garments find themselves, and the served page loads and searches.",
)
def command(
    folder: Path | None, n: int, model: str | None, port: int, no_open: bool, no_serve: bool, check: bool
) -> None:
    """Draw a small catalogue, index it with the shipped model, serve its search page and open it; Ctrl-C stops.

    Nothing is downloaded. What an earlier run made is used again.
    """
    from lapel.catalogue import DEFAULT_MODEL, Catalogue
    from lapel.demo import can_open, run_demo

    sheet_only = no_serve and not check
    made = run_demo(folder, n, model=model or DEFAULT_MODEL, open_browser=sheet_only and not no_open, show=None)
    click.echo(f"{made.items} drawn garments in {made.catalogue}")
    if sheet_only:
        click.echo(f"{'Opened' if made.opened else 'Open this page:'} {made.page.as_uri()}")
        return
    catalogue = Catalogue.open(made.catalogue, model)
    if check:
        _check(made.passed, catalogue)
        return
    from lapel.interfaces.page.showing import show

    opens = not no_open and can_open()
    show(catalogue, port=port, open_browser=opens, ready=lambda address: _say(address, catalogue, opens))


def _say(address: str, catalogue: Catalogue, opens: bool) -> None:
    from lapel.demo import examples
    from lapel.interfaces.page.showing import link

    click.echo(
        f"\n{'Opening the search page' if opens else 'Open the search page'}: {address}\n\nOr begin with a query:"
    )
    for title, query in islice(examples(catalogue), 3):
        click.echo(f"  {title}\n    {link(address, query)}")
    click.echo("\nCtrl-C stops the server.")


def _check(finds_itself: bool, catalogue: Catalogue) -> None:
    from lapel.demo import examples
    from lapel.interfaces.page.showing import check

    found = check(catalogue, next(query for _, query in examples(catalogue)))
    for sentence in found.trouble:
        click.echo(f"Error: {sentence}", err=True)
    if not finds_itself:
        click.echo("Error: a garment of the catalogue was not its own first hit.", err=True)
    if not (finds_itself and found.passed):
        sys.exit(1)
    click.echo(f"Checked: garments are their own first hits; the page's {found.files} files load, and it searches.")
