"""`lapel info CATALOGUE`: what it is and holds."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("info")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(catalogue: Path, as_json: bool) -> None:
    """Show what CATALOGUE is and holds: items, model, columns, labels, size."""
    from lapel.interfaces.cli._catalogues import open_catalogue

    info = open_catalogue(catalogue).info()
    if as_json:
        click.echo(json.dumps(info, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in info.items():
        table.add_row(f"[bold]{escape(name.replace('_', ' '))}[/bold]", escape(_shown(name, value)))
    Console().print(table)


def _shown(name: str, value: object) -> str:
    if name == "bytes" and isinstance(value, int):
        return f"{value / 1e6:.1f} MB"
    if isinstance(value, dict):
        cells = (
            f"{key} ({len(held)} values)" if isinstance(held, list) else f"{key} ({held})"
            for key, held in value.items()
        )
        return ", ".join(cells) or "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
