"""`lapel import`: a published checkpoint becomes a Lapel checkpoint."""

from __future__ import annotations

import click


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("--system", required=True, help="asen, asen_v2, asenpp, csn, rpf, style or style_v1.")
@click.option("--attributes", help="Names in training order, joined by commas, or a file that lists them.")
@click.option("--meta", type=click.Path(), help="The release's meta.json; takes the place of --attributes.")
@click.option("--dataset", help="The entry of --meta: FashionAI, DARN, DeepFashion.")
@click.option("--classes", help="style: names by class id, joined by commas, or config.json. Default: K-Fashion's.")
@click.option("-o", "--out", type=click.Path(), help="Checkpoint to write. Default: beside FILE, .safetensors.")
@click.option("--name", default="", help="What the model is called.")
@click.option(
    "--beta",
    type=click.FloatRange(0, 1),
    help="Second stage: the first branch's share. Default, as published: asenpp 0.6; rpf 0.3, with --dataset "
    "DeepFashion 0.4.",
)
@click.option("--stage", type=click.IntRange(1, 2), help="asenpp: which stage the file must be of.")
@click.option("--fixed-masks", is_flag=True, help="csn: the masks were not learnt.")
def command(
    file: str,
    system: str,
    attributes: str | None,
    meta: str | None,
    dataset: str | None,
    classes: str | None,
    out: str | None,
    name: str,
    beta: float | None,
    stage: int | None,
    fixed_masks: bool,
) -> None:
    """Turn the published .pth.tar FILE into a Lapel checkpoint; anything but weights in it is refused."""
    from pathlib import Path

    from lapel.errors import InputError, MissingExtra

    try:
        from lapel.models.importing import import_checkpoint, plain_name, read_vocabulary
        from lapel.models.rpf_published import BETA
        from lapel.models.style_published import STYLES, read_classes
    except ImportError as error:
        if (error.name or "").startswith("lapel"):
            raise  # our own mistake, not a missing extra
        raise MissingExtra("lapel import") from error
    if system in STYLES:
        if attributes or meta:
            raise InputError("A style model has the one attribute 'style': name its classes, --classes a,b,c.")
        vocabulary = read_classes(_names_or_file(classes) if classes else None)
    elif bool(attributes) == bool(meta):
        raise InputError("Name the attributes in training order: --attributes a,b,c (or a file), or --meta meta.json.")
    else:
        vocabulary = read_vocabulary(meta or _names_or_file(str(attributes)), dataset)
    target = Path(out) if out else Path(file).with_name(f"{plain_name(file)}.safetensors")
    if system == "rpf" and beta is None:
        beta = BETA.get(dataset or "")
    card = import_checkpoint(file, system, vocabulary, target, name, not fixed_masks, beta, stage)
    click.echo(
        f"{target}: {card.name}, {card.system} on {card.backbone}, {len(vocabulary)} attributes, {card.fingerprint}"
    )
    if system in STYLES and card.notes:
        click.echo(card.notes)


def _names_or_file(given: str) -> str | list[str]:
    """A path where a file stands or one is meant, else the names between the commas."""
    from pathlib import Path

    if Path(given).is_file() or given.endswith(".json"):
        return given
    return [name.strip() for name in given.split(",") if name.strip()]
