"""`lapel recipes`: what can be trained."""

from __future__ import annotations

import json

import click


@click.command("recipes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the recipes that `lapel train` knows: name, what it trains, paper."""
    from lapel.training import list_recipes, load_recipe

    rows = [{"name": r.name, "trains": r.trains, "paper": r.paper} for r in map(load_recipe, list_recipes())]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("recipe", "trains", "paper")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
