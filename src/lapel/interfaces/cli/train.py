"""`lapel train`: a recipe becomes a run folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("train")
@click.argument("recipe")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the recipe: data=PATH, optimiser.lr=1e-4."
)
@click.option("--out", type=click.Path(path_type=Path), help="The run folder. Default: runs/ and the recipe's name.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--quick", is_flag=True, help="Two steps with tiny photos on CPU: does everything fit together?")
def command(recipe: str, overrides: tuple[str, ...], out: Path | None, resume: bool, quick: bool) -> None:
    """Train RECIPE: a name of `lapel recipes`, or a YAML file.

    Ctrl-C or a crash loses at most the last checkpoint interval; --resume goes on.
    """
    from lapel.errors import MissingExtra
    from lapel.training import load_recipe

    folder = out or Path("runs") / recipe.removesuffix(".yaml").replace("/", "-")
    stored = folder / "recipe.yaml"
    asked = load_recipe(stored if resume and stored.is_file() else recipe, overrides)
    try:
        from lapel.training.loop import train
        from lapel.training.stopping import Stopped
    except ImportError as error:
        if (error.name or "").startswith("lapel"):
            raise  # our own mistake, not a missing extra
        raise MissingExtra("Training") from error
    try:
        run = train(asked, folder, resume, quick, say=lambda remark: click.echo(remark, err=True), show=None)
    except Stopped as stop:
        click.echo(f"{stop} Go on with: lapel train {recipe} --out {folder} --resume", err=True)
        sys.exit(130)
    if os.environ.get("RANK", "0") == "0":  # under torchrun every process runs this
        click.echo(f"{run / 'best.safetensors'}")
