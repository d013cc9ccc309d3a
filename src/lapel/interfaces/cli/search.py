"""`lapel search CATALOGUE --like PHOTO:attribute=weight`: find items by the details of photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lapel.errors import InputError


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
@click.option(
    "--text",
    "texts",
    multiple=True,
    metavar="WORDS[=WEIGHT]",
    help="Be what these words say; beside a --like without an attribute: change that photo so. Repeatable.",
)
@click.option(
    "--change",
    "changes",
    multiple=True,
    nargs=2,
    metavar="PHOTO WORDS[=WEIGHT]",
    help="Look like this photo (or item:ID) after this change. Repeatable.",
)
@click.option("--apart", is_flag=True, help="Let --text stand alone beside --like; it changes no photo.")
@click.option(
    "--where", default="", metavar="FILTER", help="For example: price < 50 and color = 'red' with confidence 0.6"
)
@click.option("-k", default=20, show_default=True, help="How many hits.")
@click.option("--diverse", is_flag=True, help="Fold near duplicates into the best of them.")
@click.option(
    "--query", "file", metavar="FILE", help="The whole query as JSON, in place of the above; - reads it here."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a contact sheet with heat maps to this file.")
@click.option("--why", type=click.Path(path_type=Path), help="Explain the first hit in this .html, .png or .json file.")
@click.option("--model", help="Only for a catalogue that was filled by a model in memory.")
def command(
    catalogue: Path,
    likes: tuple[str, ...],
    unlikes: tuple[str, ...],
    texts: tuple[str, ...],
    changes: tuple[tuple[str, str], ...],
    apart: bool,
    where: str,
    k: int,
    diverse: bool,
    file: str | None,
    as_json: bool,
    html: Path | None,
    why: Path | None,
    model: str | None,
) -> None:
    """Search CATALOGUE by the details of photos.

    lapel search shop.lapel --like a.jpg:neckline=0.7 --like b.jpg:sleeve_length=0.3 --where "price < 50"

    lapel search shop.lapel --like a.jpg --text "but in red and longer"
    """
    from lapel.interfaces.cli._catalogues import open_catalogue
    from lapel.interfaces.cli._hits import print_hits
    from lapel.schema import Query
    from lapel.search import parse_change, parse_reference, parse_words, with_words

    opened = open_catalogue(catalogue, model)
    if file is not None:
        _refuse_beside_file()
        query = Query.from_dict(_read(file))
    else:
        wished = [parse_reference(text, opened.attributes, opened.__contains__) for text in likes]
        unwished = [parse_reference(text, opened.attributes, opened.__contains__, unlike=True) for text in unlikes]
        bare = [str(part.reference) == text for part, text in zip(wished, likes, strict=True)]
        said = with_words(list(zip(wished, bare, strict=True)), [parse_words(text) for text in texts], apart)
        changed = [parse_change(photo, text) for photo, text in changes]
        query = Query((*said, *changed, *unwished), where, k, diverse)
    answer = opened.query(query)
    if html is not None:
        html.write_text(opened.contact_sheet(query, answer), encoding="utf-8")
    if why is not None and answer.hits:
        answer.hits[0].explain().save(why)
    if as_json:
        click.echo(json.dumps(answer.to_dict(), ensure_ascii=False))
    else:
        print_hits(answer)
        if html is not None:
            click.echo(f"Contact sheet: {html}")
        if why is not None and answer.hits:
            click.echo(f"Why {answer.hits[0].item}: {why}")


def _refuse_beside_file() -> None:
    """A query file says everything; an option beside it would be passed over silently."""
    context = click.get_current_context()
    for name in ("likes", "unlikes", "texts", "changes", "apart", "where", "k", "diverse"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = next(param for param in context.command.params if param.name == name)
            raise InputError(f"{option.opts[0]} stands beside --query; the file holds the whole query.")


def _read(file: str) -> Any:
    from lapel.schema.query import why_no_json

    try:
        with click.open_file(file, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise InputError(f"The query '{file}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The query '{file}' cannot be read as JSON: {why_no_json(error)}.") from error
