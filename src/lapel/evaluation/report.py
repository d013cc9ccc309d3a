"""An evaluation as one HTML file that needs nothing beside it: table, curves, value confusion, telling queries."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from PIL import Image

from lapel.errors import ImageError, InputError
from lapel.evaluation import figures
from lapel.evaluation.analysis import chance_match_curve, class_confusion, match_curve, telling_queries, value_confusion
from lapel.evaluation.classification import Classification
from lapel.evaluation.metrics import chance_ap
from lapel.evaluation.record import ACCURACY, Details, Evaluation
from lapel.evaluation.saving import write_whole
from lapel.evaluation.tables import title_of
from lapel.images import open_image
from lapel.schema import SEPARATOR, ItemTable

THUMB = 112
"""Thumbnails fit into a square of so many pixels."""


@dataclass(frozen=True)
class Picture:
    """A thumbnail: item id, its values under the attribute, data URI ("" when unreadable), relevant to the query?"""

    item: str
    values: str
    source: str
    relevant: bool = True


@dataclass(frozen=True)
class Shown:
    """A query, its AP, its chance level, how many items are relevant, and its first hits."""

    query: Picture
    ap: float
    chance: float
    relevant: int
    hits: tuple[Picture, ...]


def write_report(
    evaluation: Evaluation, items: ItemTable, path: str | Path, *, queries: int = 3, hits: int = 8
) -> Path:
    """Write the report; pictures are embedded, so keep it out of the repository when the photos must be.

    Args:
        evaluation: fresh from `evaluate` or `evaluate_embeddings`; a loaded one lacks the rankings.
        items: the table that was evaluated.
        path: the HTML file.
        queries: how many best and how many worst queries to show an attribute.
        hits: how many first hits to show, at most the `top` of the evaluation.

    Raises:
        InputError: the evaluation was loaded from a file.
    """
    if evaluation.metric == ACCURACY:
        raise InputError("A report shows rankings, and the protocol 'triplets' has none. Leave --html out; use --json.")
    if not evaluation.details:
        raise InputError(
            "A report needs the rankings, which a saved evaluation does not hold: evaluate again with --html."
        )
    rows = {item: row for row, item in enumerate(items.ids)}
    part = items.take(np.array([rows[item] for item in evaluation.ids], dtype=np.int64))
    page = template("report.html.j2").render(
        title=title_of(evaluation),
        evaluation=evaluation,
        sections=[_section(evaluation, part, name, queries, hits) for name in evaluation.attributes],
        predicted=[_predicted(name, found) for name, found in evaluation.classification.items()],
    )
    return write_whole(path, page)


def template(name: str) -> Template:
    """One of this room's pages; a value that is missing raises instead of staying blank."""
    text = resources.files("lapel.evaluation").joinpath("templates", name).read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        text
    )


def _section(evaluation: Evaluation, part: ItemTable, name: str, queries: int, hits: int) -> dict[str, object]:
    details, score = evaluation.details[name], evaluation.attributes[name]
    best, worst = telling_queries(details, queries)
    confusion = value_confusion(details, part.labels(name))
    return {
        "name": name,
        "score": score,
        "bar": figures.score_bar(score),
        "curve": figures.curve(name, match_curve(details), chance_match_curve(details)),
        "confusion": figures.heat_map(confusion),
        "left_out": confusion.left_out,
        "best": [shown(part, name, details, int(q), hits) for q in best],
        "worst": [shown(part, name, details, int(q), hits) for q in worst],
    }


def _predicted(name: str, found: Classification) -> dict[str, object]:
    confusion = class_confusion(found)
    taken = found.confusion.sum(axis=0)
    seen = [(n, s) for (n, s), times in zip(found.classes.items(), taken, strict=True) if s.support or times]
    picture = figures.heat_map(confusion, "is taken for")
    return {"name": name, "found": found, "classes": seen, "picture": picture, "left_out": confusion.left_out}


def shown(part: ItemTable, name: str, details: Details, query: int, hits: int) -> Shown:
    """One query of a task and its first hits. part: the evaluated rows, which the task numbers."""
    task = details.task
    row = int(task.queries[query])
    wanted = _values(part, name, row)
    found = []
    for position in details.ranked.top[query, :hits]:
        if position >= 0:
            hit = int(task.gallery[position])
            values = _values(part, name, hit)
            found.append(_picture(part, hit, values, bool(set(values) & set(wanted))))
    chance = float(chance_ap(details.ranked.relevant[query], details.ranked.ranked[query]))
    relevant = int(details.ranked.relevant[query])
    return Shown(_picture(part, row, wanted, True), float(details.ranked.ap[query]), chance, relevant, tuple(found))


def _values(part: ItemTable, name: str, row: int) -> tuple[str, ...]:
    return tuple(str(part.table[name][row].as_py()).split(SEPARATOR))


def _picture(part: ItemTable, row: int, values: tuple[str, ...], relevant: bool) -> Picture:
    return Picture(part.ids[row], ", ".join(values), thumbnail(part.paths[row]), relevant)


@lru_cache(maxsize=2048)
def thumbnail(path: Path, size: int = THUMB) -> str:
    """A JPEG data URI at most `size` pixels on a side; "" for a photo that cannot be read."""
    try:
        image = open_image(path)
    except ImageError:
        return ""
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
