"""`lapel regions PHOTO... --model NAME --out FILE`: where a model looks, and what it cuts out."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("regions")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default="lapel-lite", show_default=True, help="A shipped model, an export, run or checkpoint.")
@click.option("--attributes", default="", help="Which, separated by commas; all without it.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The picture: .png or .jpg."
)
def command(photos: tuple[Path, ...], model: str, attributes: str, out: Path) -> None:
    """Draw where the model looks for each attribute; of ASEN++ and RPF also the crops that the second branch reads."""
    from lapel.errors import InputError
    from lapel.explain.regions import draw_regions
    from lapel.export import load_model
    from lapel.images import open_image

    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"--out is '{out}'; expected a name that ends in .png or .jpg.")
    asked = [name.strip() for name in attributes.split(",") if name.strip()]
    draw_regions([open_image(photo) for photo in photos], load_model(model), asked).save(out)
    click.echo(f"Regions of {len(photos)} photo{'' if len(photos) == 1 else 's'}: {out}")
