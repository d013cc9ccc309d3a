"""`lapel data convert`: anything that can be read -> one CSV or Parquet table."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--attribute", "attributes", multiple=True, help="A column that is an attribute; may be repeated.")
@click.option("--metadata", multiple=True, help="A column that is metadata; may be repeated.")
@click.option("--release", help="The published release it is, if it is not recognised.")
@click.option("--images", type=click.Path(), help="Where a release's photos lie, if not beside its lists.")
@click.option("--skip", is_flag=True, help="Leave out rows whose image does not exist, instead of stopping.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    source: str,
    target: str,
    attributes: tuple[str, ...],
    metadata: tuple[str, ...],
    release: str | None,
    images: str | None,
    skip: bool,
    as_json: bool,
) -> None:
    """Read SOURCE (table, folder or published release) and write it as TARGET (.csv or .parquet).

    Image paths in TARGET are relative to its folder. Parquet also keeps which columns are attributes.
    """
    from lapel.datasets import read, write

    table = read(
        source,
        attributes=attributes or None,
        metadata=metadata or None,
        missing="skip" if skip else "strict",
        release=release,
        images=images,
    )
    file = write(table, target)
    if as_json:
        facts = {"file": str(file), "items": len(table), "attributes": list(table.vocabulary.names)}
        click.echo(json.dumps(facts | {"complete": table.complete, "notes": list(table.notes)}, ensure_ascii=False))
        return
    click.echo(f"{file}: {len(table):,} items, attributes {', '.join(table.vocabulary.names) or 'none'}.")
    for note in table.notes:
        click.echo(note)
