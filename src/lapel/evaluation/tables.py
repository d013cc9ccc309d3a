"""An evaluation as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table

from lapel.evaluation.classification import Classification
from lapel.evaluation.record import ACCURACY, Evaluation
from lapel.evaluation.slices import SliceScore
from lapel.schema import meaning, spoken, spoken_value


def title_of(evaluation: Evaluation) -> str:
    """Model, data, split and protocol in one line: what every table and page of figures is headed by."""
    data = evaluation.data
    part = "" if data.complete else ", partial"
    return f"{evaluation.model} on {data.name} ({data.split}{part}), protocol {evaluation.protocol}"


def score_table(evaluation: Evaluation) -> Table:
    """One row an attribute, then the overall figure and the mean over attributes; percents. It fits 80 columns."""
    if evaluation.metric == ACCURACY:
        return _accuracy_table(evaluation)
    table = _whole_table(evaluation)
    table.padding, table.show_edge = (0, 0, 0, 0), False
    table.add_column("attribute", no_wrap=True)
    for name in (" MAP", " 95 %", "chance", " R@1", " 5", " 10", "queries", "gallery", "empty"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, s in evaluation.attributes.items():
        recalls = (f"{r:.0f}" for r in (s.r1, s.r5, s.r10))
        counts = (str(n) for n in (s.queries, s.gallery, s.empty))
        table.add_row(name, f"{s.map:.2f}", f"{s.low:.1f}-{s.high:.1f}", f"{s.chance:.2f}", *recalls, *counts)
    table.add_section()
    interval, scores = f"{evaluation.low:.1f}-{evaluation.high:.1f}", evaluation.attributes.values()
    queries, empty = sum(s.queries for s in scores), sum(s.empty for s in scores)
    overall = (f"{evaluation.overall:.2f}", interval, f"{evaluation.chance:.2f}")
    table.add_row("overall", *overall, "", "", "", str(queries), "", str(empty))
    table.add_row("mean", f"{evaluation.mean:.2f}")
    return table


def branch_table(evaluation: Evaluation) -> list[Table]:
    """MAP of each branch alone beside the joint one; nothing for a model of one branch."""
    if not evaluation.branches:
        return []
    table = _plain_table("MAP of each branch alone, in percent")
    table.add_column("attribute", no_wrap=True)
    for name in ("joint", *evaluation.branches):
        table.add_column(name, justify="right")
    alone = evaluation.branches.values()
    for name, score in evaluation.attributes.items():
        table.add_row(name, *(f"{figure:.2f}" for figure in (score.map, *(b.attributes[name] for b in alone))))
    table.add_section()
    table.add_row("overall", *(f"{figure:.2f}" for figure in (evaluation.overall, *(b.overall for b in alone))))
    table.add_row("mean", *(f"{figure:.2f}" for figure in (evaluation.mean, *(b.mean for b in alone))))
    return [table]


def slice_table(by: str, found: Mapping[str, Mapping[str, SliceScore]]) -> Table:
    """One row an attribute and value of `by`: MAP of the queries that hold it, interval, chance, and MAP above it."""
    table = _plain_table(
        f"by {spoken(by)}{f' ({meaning(by)})' if meaning(by) else ''}: queries of each value, percents"
    )
    table.add_column("attribute", no_wrap=True)
    table.add_column(spoken(by), no_wrap=True)
    for name in ("MAP", "95 %", "chance", "above", "queries"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in dict.fromkeys(name for scores in found.values() for name in scores):
        for value, scores in found.items():
            if (s := scores.get(name)) is not None:
                figures = (f"{s.map:.2f}", f"{s.low:.1f}-{s.high:.1f}", f"{s.chance:.2f}", f"{s.map - s.chance:.2f}")
                table.add_row(name, spoken_value(by, value), *figures, str(s.queries))
    return table


def _accuracy_table(evaluation: Evaluation) -> Table:
    table = _whole_table(evaluation)
    table.add_column("condition", no_wrap=True)
    for name in ("triplet accuracy", "95 %", "chance", "triplets"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, s in evaluation.attributes.items():
        table.add_row(name, f"{s.map:.2f}", f"{s.low:.1f}-{s.high:.1f}", f"{s.chance:.0f}", f"{s.queries:,}")
    table.add_section()
    triplets = sum(score.queries for score in evaluation.attributes.values())
    interval = f"{evaluation.low:.1f}-{evaluation.high:.1f}"
    overall = (f"{evaluation.overall:.2f}", interval, f"{evaluation.chance:.0f}", f"{triplets:,}")
    table.add_row("overall: all triplets", *overall)
    table.add_row("mean of conditions", f"{evaluation.mean:.2f}")
    return table


def value_tables(evaluation: Evaluation) -> list[Table]:
    """How well values are predicted: one row an attribute; for a single attribute, one row a class beside it."""
    if not evaluation.classification:
        return []
    whole = _plain_table("Predicted values, in percent of labelled photos")
    whole.add_column("attribute", no_wrap=True)
    for name in ("top-1", "always the commonest", "macro F1", "weighted F1", "photos"):
        whole.add_column(name, justify="right")
    for name, found in evaluation.classification.items():
        figures = (found.top[1], found.constant, found.macro.f1, found.weighted.f1)
        whole.add_row(name, *(f"{figure:.2f}" for figure in figures), f"{found.photos:,}")
    if len(evaluation.classification) > 1:
        return [whole]
    return [whole, class_table(*next(iter(evaluation.classification.items())))]


def class_table(name: str, found: Classification) -> Table:
    """Precision, recall and F1 of every class that some photo holds or is taken for, in percent."""
    top = ", ".join(f"top-{k} {share:.2f}" for k, share in found.top.items())
    table = _plain_table(f"{name}: {top}")
    table.add_column("class", no_wrap=True)
    for heading in ("precision", "recall", "F1", "photos"):
        table.add_column(heading, justify="right")
    taken = found.confusion.sum(axis=0)
    seen = {n: s for (n, s), times in zip(found.classes.items(), taken, strict=True) if s.support or times}
    for label, score in (seen | {"macro": found.macro, "weighted": found.weighted}).items():
        figures = (f"{figure:.2f}" for figure in (score.precision, score.recall, score.f1))
        table.add_row(label, *figures, f"{score.support:,}", end_section=label == list(seen)[-1])
    return table


def _whole_table(evaluation: Evaluation) -> Table:
    table = _plain_table(title_of(evaluation))
    table.caption, table.caption_justify = caption_of(evaluation), "left"
    return table


def _plain_table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def caption_of(evaluation: Evaluation) -> str:
    """What one must know to read the figures, line by line."""
    ranked = [
        "MAP in percent over the full ranking; overall is the mean over all queries; a query without relevant items "
        "(empty) scores 0 and counts; mean is over attributes; R@1, 5, 10: share of queries with a relevant item that "
        "early.",
        f"Left out of a query's ranking: {evaluation.near_duplicates}.",
    ]
    judged = [
        "Share of triplets, in percent, whose anchor is nearer to the close item than to the far one; ties are wrong."
    ]
    lines = [
        *(judged if evaluation.metric == ACCURACY else ranked),
        *(f"Not scored: {name} ({reason})." for name, reason in evaluation.skipped.items()),
        *(f"Note: {note}." for note in evaluation.notes),
    ]
    return "\n".join(lines)
