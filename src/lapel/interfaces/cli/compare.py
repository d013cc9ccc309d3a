"""`lapel compare`: paired significance of two evaluations."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Of resampling and sign flips.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(a: Path, b: Path, seed: int, as_json: bool) -> None:
    """Say per attribute whether B is better than A.

    A and B are JSON files written by `lapel evaluate --json`, or run folders that hold one. Refused when protocol,
    split, data or queries differ. Of composed retrieval: R@K, with the interval of the paired difference.
    """
    from lapel.interfaces.cli._composed import compare_records

    if compare_records(a, b, as_json):
        return
    from lapel.compare import compare_files
    from lapel.compare.tables import difference_table

    found = compare_files(a, b, seed=seed)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    Console().print(difference_table(found))
