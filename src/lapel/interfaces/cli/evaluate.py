"""`lapel evaluate`: score a model per attribute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lapel.evaluation import Evaluation
    from lapel.evaluation.slices import SliceScore
    from lapel.schema import ItemTable

    Slices = dict[str, dict[str, dict[str, SliceScore]]]


@click.command()
@click.argument("model")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--split", help="train, valid, test, or all for every row.  [default: test; all in a table without splits]"
)
@click.option(
    "--protocol",
    help="each-against-rest, every-fifth, query-gallery (a column 'role' says query or gallery) or triplets; of "
    "composed retrieval: fashioniq, fashioniq-val, shoes, fashion200k, cirr or one-change, with changes after commas.  "
    "[default: a release's published one, else each-against-rest]",
)
@click.option("--attributes", help="Which to score, separated by commas.  [default: all that model and data share]")
@click.option("--slices", help="Score parts of the queries too: labelled attributes, such as gender,skin_exposure.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here; - prints them.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a report with pictures here.")
@click.option("--skip", is_flag=True, help="Leave unreadable photos out and say how many, instead of stopping.")
@click.option("--release", help="The published release that DATA is, if it is not recognised.")
@click.option("--images", type=click.Path(), help="Where a release's photos lie, if not beside its lists.")
@click.option("--submission", type=click.Path(path_type=Path), help="Write CIRR's two submission files in this folder.")
@click.option("--clip", "clip_weights", help="A file of CLIP's weights, if not where training found them.")
@click.option("--limit", default=0, help="Ask at most so many composed queries, drawn by lot.  [default: all]")
@click.option("--batch", default=32, show_default=True, help="Photos a model call.")
@click.option("--seed", default=0, show_default=True, help="Of the intervals.")
def command(
    model: str,
    data: Path,
    split: str | None,
    protocol: str | None,
    attributes: str | None,
    slices: str | None,
    json_file: Path | None,
    html_file: Path | None,
    skip: bool,
    release: str | None,
    images: str | None,
    submission: Path | None,
    clip_weights: str | None,
    limit: int,
    batch: int,
    seed: int,
) -> None:
    """Score MODEL on DATA, attribute by attribute: MAP, 95 % interval, chance, R@1/5/10.

    MODEL is a shipped model's name (lapel-lite), an exported folder, a run folder, a .safetensors file, or
    imagenet:efficientnet_lite0, the untrained baseline. DATA is a table, a folder with labels.csv, a published release
    (FashionAI, DARN, ...: its own queries and candidates, or triplets), a folder of class folders, or a
    catalogue; a catalogue filled by MODEL is scored from its stored embeddings. The figures of a run are
    also kept in its folder (evaluation.json), where `lapel compare RUN_A RUN_B` finds them.

    A run of composed retrieval, or clip:NAME:WEIGHTS:SYSTEM (image, text or sum), is scored by R@K on FashionIQ, Shoes,
    Fashion200k, CIRR, or on pairs of a labelled table.

    lapel evaluate lapel-lite photos/ --json scores.json --html report.html

    lapel evaluate runs/fashioniq-combiner fashioniq/ --protocol fashioniq,reference=removed
    """
    from lapel.interfaces.cli._composed import evaluate_composed_model, is_composed_model
    from lapel.interfaces.cli._evaluation import Wanted, evaluate_anything

    names = [name.strip() for name in attributes.split(",")] if attributes else None
    if is_composed_model(model):
        if slices:
            raise click.UsageError("--slices goes with attribute models.")
        return evaluate_composed_model(
            model, data, split=split, protocol=protocol, release=release or "", attributes=names or (), limit=limit,
            missing="skip" if skip else "strict", weights=clip_weights, batch=batch, json_file=json_file,
            html_file=html_file, submission=submission,
        )  # fmt: skip
    if submission is not None or clip_weights or limit:
        raise click.UsageError(f"--submission, --clip and --limit go with composed retrieval; '{model}' is none.")
    found, items = evaluate_anything(model, data, Wanted(split, protocol, names, skip, batch, seed, release, images))
    sliced = _sliced(found, items, slices, seed)
    if (Path(model) / "recipe.yaml").is_file():
        found.save(Path(model) / "evaluation.json")
    if html_file is not None:
        from lapel.evaluation.report import write_report

        write_report(found, items, html_file)
    if json_file is not None and str(json_file) == "-":
        click.echo(json.dumps(found.to_dict() | _slices_json(sliced), indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    from lapel.evaluation.tables import branch_table, score_table, slice_table, value_tables

    tables = [slice_table(name, one) for name, one in sliced.items()]
    Console().print(score_table(found), *branch_table(found), *tables, *value_tables(found))
    if json_file is not None:
        click.echo(f"Figures: {found.save(json_file, _slices_json(sliced))}")
    if html_file is not None:
        click.echo(f"Report: {html_file}")


def _sliced(found: Evaluation, items: ItemTable, slices: str | None, seed: int) -> Slices:
    from lapel.evaluation.slices import slice_scores

    names = [name.strip() for name in slices.split(",")] if slices else []
    return {name: slice_scores(found, items, name, seed) for name in names}


def _slices_json(sliced: Slices) -> dict[str, object]:
    from lapel.evaluation.slices import slices_to_dict

    return {"slices": {name: slices_to_dict(one) for name, one in sliced.items()}} if sliced else {}
