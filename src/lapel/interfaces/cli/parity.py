"""`lapel parity`: the same numbers as the published code, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lapel.parity import Result


@click.command("parity")
@click.argument("folder", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False), help="Also write the table as a page, as docs/parity.md is."
)
def command(folder: str, as_json: bool, markdown: str | None) -> None:
    """Run every golden case in FOLDER. Exit 1 when one fails, 3 when some are of systems not built yet."""
    import json
    import sys
    from pathlib import Path

    from lapel.errors import MissingExtra

    try:
        from lapel.parity import exit_status, run_cases
    except ImportError as error:
        if (error.name or "").startswith("lapel"):
            raise  # our own mistake, not a missing extra
        raise MissingExtra("lapel parity") from error
    from lapel.progress import bar

    results = []
    with bar("parity", None, "cases") as progress:
        for result in run_cases(folder):
            results.append(result)
            progress.advance(1, case=result.case)
    if markdown:
        from lapel.parity.page import page

        Path(markdown).write_text(page(results), encoding="utf-8")
    if as_json:
        click.echo(json.dumps([result.to_dict() for result in results], indent=1))
    else:
        _print(results)
    sys.exit(exit_status(results))


def _print(results: list[Result]) -> None:
    from collections import Counter

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("case", "system", "max |diff|", "relative", "result")
    colours = {"pass": "green", "fail": "red", "not built": "yellow"}
    for result in results:
        facts = result.to_dict()
        numbers = ["-" if facts[key] is None else f"{facts[key]:.2e}" for key in ("absolute", "relative")]
        reason = escape(f": {facts['reason']}") if facts["status"] == "fail" else ""
        status = f"[{colours[facts['status']]}]{facts['status']}[/]{reason}"
        table.add_row(escape(facts["case"]), escape(facts["system"]), *numbers, status)
    console = Console()
    console.print(table)
    counts: Counter[str] = Counter(result.status for result in results)
    console.print(", ".join(f"{counts[status]} {status}" for status in colours))
