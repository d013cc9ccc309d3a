"""What `lapel index` and `lapel add` share: their options, and adding with a bar and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lapel.interfaces.cli._catalogues import wait_option

if TYPE_CHECKING:
    from lapel.catalogue import AddReport, Catalogue
    from lapel.schema import ItemTable

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--labels", type=click.Path(path_type=Path), help="Table whose image column names photos inside SOURCE."
    ),
    click.option("--strict", is_flag=True, help="Stop at the first unreadable photo instead of listing it at the end."),
    click.option(
        "--workers", default=2, show_default=True, help="Threads that read photos; processes that embed with Ray."
    ),
    click.option(
        "--engine", type=click.Choice(["plain", "ray"]), default="plain", show_default=True, help="What embeds."
    ),
    wait_option,
    click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object."),
)


def adding_options(command: F) -> F:
    """Add the options of adding: --labels for `read_source`, the others for `add_and_report`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


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
