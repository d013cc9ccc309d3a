"""`lapel data check`: the data doctor."""

from __future__ import annotations

import json
import sys

import click


@click.command()
@click.argument("path", type=click.Path())
@click.option("--attribute", "attributes", multiple=True, help="A column that is an attribute; may be repeated.")
@click.option("--metadata", multiple=True, help="A column that is metadata; may be repeated.")
@click.option("--labels-only", is_flag=True, help="Open no picture; look at labels only.")
@click.option("--release", help="The published release it is, if it is not recognised.")
@click.option("--images", type=click.Path(), help="Where a release's photos lie, if not beside its lists.")
@click.option("--published", is_flag=True, help="Exit status 1 also when a release is not whole, as published.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Threads that open pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print every finding as JSON.")
def command(
    path: str,
    attributes: tuple[str, ...],
    metadata: tuple[str, ...],
    labels_only: bool,
    release: str | None,
    images: str | None,
    published: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Is this folder or table fit to search, train and evaluate with?

    A published release (FashionAI, DARN, ...) is recognised by its layout, and its counts are compared with the
    published ones. Exit status 1 when it is unusable.
    """
    from rich.console import Console

    from lapel.datasets import read
    from lapel.doctor import check
    from lapel.doctor.report import show
    from lapel.progress import bar

    table = read(
        path,
        attributes=attributes or None,
        metadata=metadata or None,
        missing="ignore",
        release=release,
        images=images,
    )
    with bar("Looking at pictures", 0 if labels_only else len(table)) as progress:
        found = check(table, pictures=not labels_only, workers=workers, progress=progress)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
    else:
        show(found, Console(file=sys.stdout))
    if not found.usable or (published and not found.as_published):
        raise click.exceptions.Exit(1)
