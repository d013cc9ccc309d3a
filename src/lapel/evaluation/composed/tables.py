"""Composed figures as tables: one system with its intervals, or several systems side by side."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from lapel.errors import ProtocolError
from lapel.evaluation.composed.record import ComposedEvaluation, Figure


def figures_table(found: ComposedEvaluation) -> Table:
    """One row a category: R@K in percent with the 95 % interval, and chance below."""
    caption = f"{found.queries:,} queries, gallery of {', '.join(f'{n:,}' for n in found.gallery.values())} pictures. "
    caption += "In percent; 95 % intervals over queries; in brackets what a random ranking is expected to give."
    caption += "".join(f"\n{note}" for note in found.notes)
    table = Table(
        title=f"{found.model} on {found.data} ({found.split}), protocol {found.protocol}",
        caption=caption,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("category")
    for name in found.mean:
        table.add_column(name, justify="right")
    for category, row in found.figures.items():
        table.add_row(category or "all", *(_cell(row[name]) for name in found.mean))
    table.add_section()
    table.add_row("mean", *(f"{value:.2f}" for value in found.mean.values()))
    return table


def systems_rows(found: Mapping[str, ComposedEvaluation]) -> list[tuple[str, ...]]:
    """A header, then one row a system: its name and each mean figure, with the interval where there is one category.

    Raises:
        ProtocolError: fewer than one, or systems that were not asked the same queries under one protocol.
    """
    if not found:
        raise ProtocolError("There is no evaluation to put in a table.")
    refuse_mixed(found)
    names = tuple(next(iter(found.values())).mean)
    rows: list[tuple[str, ...]] = [("system", *names)]
    for system, one in found.items():
        single = next(iter(one.figures.values())) if len(one.figures) == 1 else None
        rows.append((system, *(_short(single[name]) if single else f"{one.mean[name]:.2f}" for name in names)))
    return rows


def systems_markdown(found: Mapping[str, ComposedEvaluation]) -> str:
    """`systems_rows` for a page, with the protocol's name beneath."""
    header, *rows = systems_rows(found)
    first = next(iter(found.values()))
    lines = [header, ("---", *("---:" for _ in header[1:])), *rows]
    said = f"{first.data} ({first.split}), {first.queries:,} queries; protocol {first.protocol}."
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{said}\n"


def refuse_mixed(found: Mapping[str, ComposedEvaluation]) -> None:
    """Only figures of one protocol, data set, split and set of queries stand in one table.

    Raises:
        ProtocolError: names the first two that differ, and in what.
    """
    (name, first), *others = found.items()
    for other, one in others:
        for what in ("protocol", "data", "split", "fingerprint"):
            if getattr(first, what) != getattr(one, what):
                said = "queries and gallery" if what == "fingerprint" else what
                raise ProtocolError(
                    f"'{name}' and '{other}' do not belong in one table: their {said} differ "
                    f"('{getattr(first, what)}' against '{getattr(one, what)}'). Evaluate both under one protocol."
                )


def _cell(figure: Figure) -> str:
    return f"{figure.value:.2f}\n{figure.low:.1f} to {figure.high:.1f}\n({figure.chance:.2f})"


def _short(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.1f} to {figure.high:.1f})"
