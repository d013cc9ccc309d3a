"""`lapel models`: what is shipped, and the card of any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lapel.schema import Card


@click.command("models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the shipped models; or show the card of NAME: a shipped model, an export, a run or a checkpoint."""
    import json

    from lapel.runtime import read_card, shipped

    if name is None:
        cards = [read_card(folder) for folder in shipped().values()]
        if as_json:
            click.echo(json.dumps([json.loads(card.to_json()) for card in cards], indent=1))
        else:
            _list(cards)
        return
    from lapel.export import load_card

    card = load_card(name)
    if as_json:
        click.echo(card.to_json())
    else:
        _show(card)


def _named(name: str) -> str:
    """The attribute's own name, which commands take, and what it means where that misleads."""
    from lapel.schema import meaning

    return f"{name} ({meaning(name)})" if meaning(name) else name


def _list(cards: list[Card]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from lapel.schema import offered, spoken

    if not cards:
        click.echo("This installation ships no model.")
        return
    table = Table("model", "system", "attributes", "dims", "fingerprint", "origin")
    for card in cards:
        attributes = ", ".join(map(spoken, offered(card.vocabulary.names)))
        cells = (card.name, card.system, attributes, str(card.dim), card.fingerprint, card.origin)
        table.add_row(*map(escape, cells))
    Console().print(table)
    click.echo("lapel models NAME shows a model's card: values, scores, what it was learnt from and on which terms.")


def _show(card: Card) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from lapel.schema import spoken_value

    console = Console()
    console.print(f"[bold]{escape(card.name)}[/]  {card.system} on {card.backbone}  fingerprint {card.fingerprint}")
    asked = card.preprocess
    console.print(
        f"input {asked.height} x {asked.width} ({asked.resize}); {card.dim} dims an attribute, {card.look_dim} for the "
        f"whole look; regions {card.grid[0]} x {card.grid[1]}{'' if card.attends else ' (uniform: it does not attend)'}"
    )
    if not card.values_fitted:
        console.print("value probabilities are not fitted: all values of an attribute are given as equally likely")
    scores = card.scores.get("attributes", {})
    table = Table("attribute", "values", "MAP", "95 %", "chance")
    for attribute in card.vocabulary:
        found = scores.get(attribute.name, {})
        numbers = [f"{found[key]:.1f}" if key in found else "" for key in ("map", "low", "high", "chance")]
        span = f"{numbers[1]} to {numbers[2]}" if numbers[1] else ""
        values = ", ".join(spoken_value(attribute.name, value) for value in attribute.values)
        table.add_row(escape(_named(attribute.name)), escape(values), numbers[0], span, numbers[3])
    console.print(table)
    if scores:
        console.print(f"Scores: {card.scores.get('protocol', '')}, {card.scores.get('data', '')}", markup=False)
    for source in card.learnt_from:
        console.print("learnt from " + ", ".join(f"{key} {value}" for key, value in source.items()), markup=False)
    console.print(card.origin, markup=False)
    if card.notes:
        console.print(card.notes, markup=False)
