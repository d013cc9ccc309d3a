"""`lapel update CATALOGUE TABLE`: new prices and labels for stored items, without looking at a photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lapel.interfaces.cli._catalogues import open_catalogue, wait_option


@click.command("update")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path), required=False)
@click.option("--item", "items", multiple=True, metavar="ID", help="An item to change by --set. Repeatable.")
@click.option("--set", "cells", multiple=True, metavar="COLUMN=VALUE", help="New value; COLUMN= empties the cell.")
@wait_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(
    catalogue: Path, table: Path | None, items: tuple[str, ...], cells: tuple[str, ...], wait: float, as_json: bool
) -> None:
    """Change labels and metadata of items in CATALOGUE: from TABLE (CSV or Parquet with a column id), or by hand.

    lapel update shop.lapel --item dress-17 --set price=39 --set sold=true
    """
    if (table is None) == (not items) or bool(items) != bool(cells):
        raise click.UsageError("Give a table, or --item ID with --set COLUMN=VALUE.")
    opened = open_catalogue(catalogue)
    changes = table if table is not None else dict.fromkeys(items, _cells(cells))
    report = opened.update(changes, wait=wait)
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
        return
    click.echo(f"{report.updated} updated, {report.unchanged} had these values already.")
    if report.unknown:
        click.echo(f"{len(report.unknown)} ids are not stored: {', '.join(report.unknown[:20])}", err=True)


def _cells(written: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in written:
        column, sign, value = text.partition("=")
        if not sign or not column:
            raise click.UsageError(f"'{text}' is not COLUMN=VALUE.")
        found[column] = _value(value)
    return found


def _value(text: str) -> Any:
    """A number or true/false where the text is one; nothing is an empty cell; anything else is text."""
    if text == "" or text in ("true", "false"):
        return {"": None, "true": True, "false": False}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
