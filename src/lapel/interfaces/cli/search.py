"""`lapel search CATALOGUE --like PHOTO:attribute=weight`: find items by the details of photos."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("search")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--like",
    "likes",
    multiple=True,
    metavar="PHOTO[:ATTRIBUTE[=WEIGHT]]",
    help="Look like this photo (or item:ID), in this attribute; without one, in the whole look. Repeatable.",
)
@click.option("--unlike", "unlikes", multiple=True, metavar="PHOTO[:ATTRIBUTE[=WEIGHT]]", help="And not like this one.")
@click.option("--where", default="", metavar="FILTER", help="For example: price < 50 and color = 'red'")
@click.option("-k", default=20, show_default=True, help="How many hits.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a contact sheet with heat maps to this file.")
@click.option("--model", help="Only for a catalogue that was filled by a model in memory.")
def command(
    catalogue: Path,
    likes: tuple[str, ...],
    unlikes: tuple[str, ...],
    where: str,
    k: int,
    as_json: bool,
    html: Path | None,
    model: str | None,
) -> None:
    """Search CATALOGUE by the details of photos.

    lapel search shop.lapel --like a.jpg:neckline=0.7 --like b.jpg:sleeve_length=0.3 --where "price < 50"
    """
    from lapel.interfaces.cli._catalogues import open_catalogue
    from lapel.interfaces.cli._hits import print_hits
    from lapel.schema import Query
    from lapel.search import parse_reference

    opened = open_catalogue(catalogue, model)
    wished = [parse_reference(text, opened.attributes, opened.__contains__) for text in likes]
    unwished = [parse_reference(text, opened.attributes, opened.__contains__, unlike=True) for text in unlikes]
    query = Query((*wished, *unwished), where, k)
    answer = opened.query(query)
    if html is not None:
        html.write_text(opened.contact_sheet(query, answer), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(answer.to_dict(), ensure_ascii=False))
    else:
        print_hits(answer)
        if html is not None:
            click.echo(f"Contact sheet: {html}")
