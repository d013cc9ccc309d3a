"""`lapel explain-check CATALOGUE`: whether the heat maps show what decides the scores."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("explain-check")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "-n", "--pairs", default=60, show_default=True, help="Drawn items; each is compared with its nearest one."
)
@click.option("--share", default=0.2, show_default=True, help="How much of the photo is blurred.")
@click.option("--times", default=2, show_default=True, help="Random regions a pair.")
@click.option("--seed", default=0, show_default=True, help="Of the drawn items and regions.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--model", help="Only for a catalogue that was filled by a model in memory.")
def command(catalogue: Path, pairs: int, share: float, times: int, seed: int, as_json: bool, model: str | None) -> None:
    """Blur hits where their heat maps are strongest and see how far the scores fall, against random regions."""
    from lapel.interfaces.cli._catalogues import open_catalogue
    from lapel.progress import bar
    from lapel.schema import spoken

    opened = open_catalogue(catalogue, model)
    with bar("Blurring", pairs * len(opened.attributes), "pairs") as progress:
        found = opened.faithfulness(pairs=pairs, share=share, times=times, seed=seed, progress=progress)
    if as_json:
        asked = {"share": share, "times": times, "seed": seed, "model": opened.manifest.card.name}
        click.echo(json.dumps(asked | {"attributes": [row.to_dict() for row in found]}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("attribute", "score", "top region", "random region", "difference", "95 % interval", "top falls more"):
        table.add_column(name, justify="left" if name == "attribute" else "right")
    for row in found:
        cells = (f"{row.score:.3f}", f"{row.top:+.4f}", f"{row.random:+.4f}", f"{row.difference:+.4f}")
        interval = f"{row.low:+.4f} to {row.high:+.4f}"
        table.add_row(spoken(row.attribute), *cells, interval, f"{row.wins:.0%}")
    console = Console()
    console.print(table)
    console.print(
        f"How far the cosine falls when {share:.0%} of the hit's photo is blurred; {found[0].pairs} pairs an attribute."
    )
