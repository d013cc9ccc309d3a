"""`lapel bench`: how fast it is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lapel.bench import Bench


@click.command("bench")
@click.argument("catalogue", type=click.Path(path_type=Path), required=False)
@click.option("--items", default=10_000, show_default=True, help="Drawn items to search when no CATALOGUE is given.")
@click.option("--photos", default=64, show_default=True, help="Drawn photos to embed.")
@click.option("--rounds", default=5, show_default=True, help="How often they are embedded.")
@click.option("--queries", default=100, show_default=True, help="Timed queries of each kind.")
@click.option("--model", default="lapel-lite", show_default=True, help="A shipped model or an exported folder.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def command(
    catalogue: Path | None, items: int, photos: int, rounds: int, queries: int, model: str, as_json: bool
) -> None:
    """Measure embedding and search on this machine; searches CATALOGUE, or drawn vectors when none is given."""
    from lapel.bench import run_bench
    from lapel.progress import bar

    with bar("Measuring", None, "steps") as progress:
        found = run_bench(
            catalogue, items=items, photos=photos, rounds=rounds, queries=queries, model=model, progress=progress
        )
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        _print(found)


def _print(found: Bench) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    facts, speed, stored = found.machine, found.embedding, found.catalogue
    console.print(
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}, "
        f"Python {facts['python']}, load {facts['load']} when it began",
        highlight=False,
    )
    console.print(
        f"Embedding: [bold]{speed['photos_a_second']} photos a second[/bold] "
        f"({speed['slowest']} to {speed['fastest']} in {speed['rounds']} rounds of {speed['photos']} files of "
        f"{speed['side']} px), all {speed['attributes']} attributes, {speed['model']}",
        highlight=False,
    )
    console.print(
        f"Search: {stored['items']} items of {stored['source']}, {stored['hits']} hits with their metadata; "
        f"{stored['memory_mb']} MB in memory, {stored['disk_mb']} MB on disk",
        highlight=False,
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("query", "p50 ms", "p95 ms", "considered", "answer", "recall", "repetitions"):
        table.add_column(name, justify="left" if name in ("query", "answer") else "right")
    for name, row in found.search.items():
        recall = "" if row["recall"] is None else f"{row['recall']:.3f} ({row['checked']})"
        answer = "exact" if row["exact"] else "approximate"
        cells = (row["p50_ms"], row["p95_ms"], row["considered"], answer, recall, row["repetitions"])
        table.add_row(name, *map(str, cells))
    console.print(table)
    console.print("recall: share of the true hits by float64 products over all items, in so many queries.")
