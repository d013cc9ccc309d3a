"""`lapel evaluate` and `lapel compare` for models of composed retrieval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lapel.errors import InputError, LapelError, MissingExtra, ProtocolError

if TYPE_CHECKING:
    from lapel.training.composed.evaluating import Evaluated

CLIP = "clip:"


def is_composed_model(model: str) -> bool:
    """Whether a name means a composed run, or a system over a CLIP."""
    if model.startswith(CLIP):
        return True
    if not Path(model).exists():
        return False
    from lapel.export.loading import load_card

    try:
        return load_card(model).architecture.get("kind") == "composed"
    except LapelError:
        return False  # whoever opens it says what is wrong


def evaluate_composed_model(
    model: str,
    data: Path,
    *,
    json_file: Path | None,
    html_file: Path | None,
    submission: Path | None,
    **options: Any,
) -> None:
    """Score, then print, write and keep what was asked for."""
    try:
        from lapel.training.composed.evaluating import evaluate_run
    except ImportError as error:
        if (error.name or "").startswith("lapel"):
            raise
        raise MissingExtra("Evaluating a model of composed retrieval") from error
    made = evaluate_run(model, data, submission=submission, show=None, **options)
    for file in made.files:
        click.echo(f"Submission: {file}", err=True)
    if made.found is None:
        if json_file is not None or html_file is not None:
            raise InputError(f"{made.data.name} {made.data.split} hides its targets: there are no figures to write.")
        return
    if (Path(model) / "recipe.yaml").is_file():
        made.found.save(Path(model) / "evaluation.json")
    if html_file is not None:
        _report(made, html_file)
    if json_file is not None and str(json_file) == "-":
        click.echo(json.dumps(made.found.to_dict(), indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    from lapel.evaluation.composed.tables import figures_table

    Console().print(figures_table(made.found))
    if json_file is not None:
        made.found.save(json_file)
        click.echo(f"Figures: {json_file}")
    if html_file is not None:
        click.echo(f"Report: {html_file}")


def composed_record(path: Path) -> Path | None:
    """The file of a composed evaluation that a path means, or None: a JSON file, or a run folder that holds one."""
    file = path / "evaluation.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        return None
    return file if found == "composed" else None


def compare_records(a: Path, b: Path, as_json: bool) -> bool:
    """Compare where both are composed evaluations; False where neither is.

    Raises:
        ProtocolError: only one of them is, or their protocols, data or queries differ.
    """
    one, other = composed_record(a), composed_record(b)
    if one is None and other is None:
        return False
    if one is None or other is None:
        raise ProtocolError(
            f"'{a if one else b}' is of composed retrieval and '{b if one else a}' is not; they do not compare."
        )
    from lapel.evaluation.composed import ComposedEvaluation, compare_composed

    first, second = ComposedEvaluation.load(one), ComposedEvaluation.load(other)
    found = compare_composed(first, second)
    if as_json:
        head = {"a": first.model, "b": second.model, "protocol": first.protocol, "data": first.data}
        click.echo(json.dumps(head | {"split": first.split, "figures": found}, indent=1, ensure_ascii=False))
        return True
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{second.model} (B) against {first.model} (A), {first.protocol}", title_justify="left")
    for name in ("figure", "A", "B", "B - A", "95 % interval"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for name, row in found.items():
        interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
        table.add_row(name, f"{row['a']:.2f}", f"{row['b']:.2f}", f"{row['difference']:+.2f}", interval)
    Console().print(table)
    return True


def _report(made: Evaluated, path: Path) -> None:
    from lapel.evaluation.composed.report import write_composed_report

    assert made.found is not None
    vectors = made.vectors
    write_composed_report(made.found, made.data, made.protocol, vectors.queries, vectors.gallery, vectors.names, path)
