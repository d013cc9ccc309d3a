"""`lapel classify IMAGES`: attribute values and styles of photos, with probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("classify")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default="lapel-lite", show_default=True, help="Shipped name, export, run or checkpoint.")
@click.option("--attributes", help="Which to tell, separated by commas.  [default: all, skin_exposure left out]")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with the pictures to this file.")
@click.option("--boxes", type=click.Path(path_type=Path), help="Folder of K-Fashion box JSON; IMAGES is their photos.")
@click.option("--boxes-out", type=click.Path(path_type=Path), help="Folder for the answers.  [default: BOXES-styles]")
@click.option("--visualize", type=click.Path(path_type=Path), help="With --boxes: folder for the crops.")
@click.option("--batch", default=32, show_default=True, help="Photos a model call.")
def command(
    images: tuple[Path, ...],
    model: str,
    attributes: str | None,
    as_json: bool,
    html: Path | None,
    boxes: Path | None,
    boxes_out: Path | None,
    visualize: Path | None,
    batch: int,
) -> None:
    """Say which attribute values IMAGES (photos or folders) hold, and how probable each is.

    A style model also tells the published score, which is no probability. Photos that cannot be read are listed and
    left out. With --boxes, each box of K-Fashion's JSON files is cut out and classified, and one JSON a photo is
    written in the published shape.

    lapel classify photos/ --html values.html
    """
    from lapel.classifying import classify
    from lapel.classifying.classify import find_photos, open_model
    from lapel.errors import InputError
    from lapel.progress import bar

    names = [name.strip() for name in attributes.split(",") if name.strip()] if attributes else None
    if boxes is not None:
        _boxes(images, boxes, boxes_out or boxes.with_name(f"{boxes.name}-styles"), model, names, visualize, as_json)
        return
    if visualize is not None or boxes_out is not None:
        raise InputError(
            "--visualize and --boxes-out go with --boxes FOLDER; for pictures of whole photos take --html."
        )
    photos = find_photos(images)
    opened = open_model(model)
    with bar("Classifying", len(photos), show=False if as_json else None) as progress:
        found = classify(photos, opened, attributes=names, batch=batch, progress=progress)
    if html is not None:
        from lapel.classifying.page import write_page

        write_page(found, html)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    from lapel.classifying.tables import guess_table

    if found.photos:
        Console().print(guess_table(found))
    for one in found.unreadable:
        click.echo(f"Left out: {one.image}: {one.reason}", err=True)
    if html is not None:
        click.echo(f"Page: {html}")


def _boxes(
    images: tuple[Path, ...],
    boxes: Path,
    out: Path,
    model: str,
    names: list[str] | None,
    visualize: Path | None,
    as_json: bool,
) -> None:
    from lapel.classifying import classify_boxes
    from lapel.classifying.boxes import box_files
    from lapel.errors import InputError
    from lapel.progress import bar

    if len(images) != 1 or not images[0].is_dir():
        raise InputError("With --boxes, IMAGES is the one folder that holds the photos.")
    if names is not None and len(names) != 1:
        raise InputError("With --boxes, one attribute is written as style: --attributes NAME.")
    with bar("Classifying boxes", len(box_files(boxes)), show=False if as_json else None) as progress:
        attribute = names[0] if names else None
        found = classify_boxes(
            images[0], boxes, out, model, attribute=attribute, visualize=visualize, progress=progress
        )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    counts = ", ".join(f"{value} {count:,}" for value, count in sorted(found.values.items(), key=lambda v: -v[1]))
    click.echo(f"{out}: {len(found.files):,} files, {found.objects:,} boxes" + (f" ({counts})" if counts else ""))
    for problem in found.problems:
        click.echo(f"Left out: {problem}", err=True)
