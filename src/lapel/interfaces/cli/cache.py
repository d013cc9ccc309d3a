"""`lapel cache`: what Lapel keeps on this machine, and how to be rid of it."""

from __future__ import annotations

import json
import sys

import click


@click.group()
def command() -> None:
    """Show or clear resized photos and hashes; everything in the cache can be made again."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def info(as_json: bool) -> None:
    """Where the cache is, and what it holds."""
    from lapel import cache

    held = cache.info()
    if as_json:
        click.echo(json.dumps(held.to_dict(), indent=1))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    click.echo(str(held.folder))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("part", "files", "MB"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for part in held.parts:
        table.add_row(part.name, f"{part.files:,}", f"{part.bytes / 1e6:,.1f}")
    table.add_row("together", f"{sum(part.files for part in held.parts):,}", f"{held.bytes / 1e6:,.1f}")
    Console(file=sys.stdout).print(table)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def clear(as_json: bool) -> None:
    """Remove everything in the cache."""
    from lapel import cache

    held = cache.clear()
    if as_json:
        click.echo(json.dumps(held.to_dict(), indent=1))
    else:
        click.echo(f"Removed {held.bytes / 1e6:,.1f} MB from {held.folder}.")
