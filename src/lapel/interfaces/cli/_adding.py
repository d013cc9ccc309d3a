"""What `lapel index` and `lapel add` share: add with a bar, print the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lapel.catalogue import AddReport, Catalogue
    from lapel.schema import ItemTable


def add_and_report(opened: Catalogue, items: ItemTable, as_json: bool, **how: Any) -> None:
    """Add items to an open catalogue, `how` as `Catalogue.add` takes it; unreadable photos go to stderr."""
    from lapel.progress import bar

    with bar("indexing", len(items), show=False if as_json else None) as progress:
        report = opened.add(items, progress=progress, **how)
    if as_json:
        click.echo(json.dumps(report.to_dict() | {"items": len(opened)}, ensure_ascii=False))
    else:
        _print(report, opened.folder, len(opened))


SHOWN = 20
"""Unreadable photos that are listed one by one; `--json` lists all."""


def _print(report: AddReport, folder: Path, items: int) -> None:
    rate = f", {report.embedded / report.seconds:.3g} photos per second" if report.embedded and report.seconds else ""
    click.echo(
        f"{report.new} new, {report.unchanged} unchanged ({report.updated} with new labels or metadata), "
        f"{report.changed} changed, {len(report.unreadable)} unreadable; {report.seconds:.1f} s{rate}."
    )
    for error in report.unreadable[:SHOWN]:
        click.echo(f"unreadable: {error}", err=True)
    if len(report.unreadable) > SHOWN:
        click.echo(f"unreadable: {len(report.unreadable) - SHOWN} more; --json lists all.", err=True)
    click.echo(f"{folder} holds {items} items.")
