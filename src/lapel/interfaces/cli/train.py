"""`lapel train`: a recipe becomes a run folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("train")
@click.argument("recipe", nargs=-1)
@click.option(
    "--cfg",
    multiple=True,
    metavar="FILE [FILE...]",
    help="YAML files of the published ASEN++, RPF or style code, in the order they are merged, in place of RECIPE.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the recipe: data=PATH, optimiser.lr=1e-4."
)
@click.option("--out", type=click.Path(path_type=Path), help="The run folder. Default: runs/ and the recipe's name.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--quick", is_flag=True, help="Two steps with tiny photos on CPU: does everything fit together?")
def command(
    recipe: tuple[str, ...],
    cfg: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    resume: bool,
    quick: bool,
) -> None:
    """Train RECIPE: a name of `lapel recipes`, or a YAML file.

    Ctrl-C or a crash loses at most the last checkpoint interval; --resume goes on.

    lapel train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s1.yaml
    """
    from lapel.errors import MissingExtra
    from lapel.training import load_recipe

    named = " ".join((*cfg, *recipe)) if cfg else _one(recipe)
    folder = out or Path("runs") / _folder(named)
    stored = folder / "recipe.yaml"
    if resume and stored.is_file():
        asked = load_recipe(stored, overrides)
    elif cfg:
        from lapel.training.reference_config import load_reference

        asked = load_reference((*cfg, *recipe), overrides)
    else:
        asked = load_recipe(named, overrides)
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
        click.echo(f"{stop} Go on with: lapel train {'--cfg ' if cfg else ''}{named} --out {folder} --resume", err=True)
        sys.exit(130)
    if os.environ.get("RANK", "0") == "0":  # under torchrun every process runs this
        click.echo(f"{run / 'best.safetensors'}")


def _one(recipe: tuple[str, ...]) -> str:
    if len(recipe) != 1:
        raise click.UsageError("Give one RECIPE (`lapel recipes` lists them), or the published YAML files after --cfg.")
    return recipe[0]


def _folder(named: str) -> str:
    """`fashionai/asen` -> fashionai-asen; `config/D/D.yaml config/D/s1.yaml` -> D-s1."""
    files = named.split()
    parts = [Path(file).stem for file in files] if len(files) > 1 else [named.removesuffix(".yaml").replace("/", "-")]
    return "-".join(parts)
