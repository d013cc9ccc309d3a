"""`lapel verify CATALOGUE`: is everything as it was written?"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("verify")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option("--photos", is_flag=True, help="Look at the original photos too: which are changed or gone.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(catalogue: Path, photos: bool, as_json: bool) -> None:
    """Read all of CATALOGUE (files, vectors, thumbnails, ids), say what is damaged, change nothing; exit 1 if so."""
    from lapel.interfaces.cli._catalogues import open_catalogue
    from lapel.progress import bar

    opened = open_catalogue(catalogue)
    with bar("verifying", len(opened), "items", show=False if as_json else None) as progress:
        report = opened.verify(photos=photos, progress=progress)
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        for problem in report.problems:
            click.echo(f"damaged: {problem}", err=True)
        click.echo(f"{report.items} items read, {len(report.problems)} problems.")
        if photos:
            click.echo("Original photos: " + ", ".join(f"{count} {how}" for how, count in report.photos.items()) + ".")
    raise SystemExit(0 if report.ok else 1)
