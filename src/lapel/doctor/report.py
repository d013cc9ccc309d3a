"""A diagnosis as a page of text for a terminal: the verdict first, then counts, attributes, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lapel.doctor.diagnosis import AttributeReport, Diagnosis

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {"stop": "bold red", "fix": "yellow", "note": "dim"}
_GOOD = {"good": "green", "rare values": "yellow", "train only": "yellow", "evaluate only": "yellow"}


def show(found: Diagnosis, console: Console) -> None:
    """Print a diagnosis."""
    from rich.markup import escape

    colour = "green" if found.verdict.startswith("USABLE: ") else "yellow" if found.usable else "red"
    console.print(f"[bold {colour}]{escape(found.verdict)}[/]")
    console.print(escape(_counts(found)))
    if found.attributes:
        console.print(_table(found))
    for problem in found.problems:
        console.print(f"[{_STYLES[problem.severity]}]{problem.severity:5}[/] {escape(problem.text)}", soft_wrap=True)
    for note in found.notes:
        console.print(f"[dim]table {escape(note)}[/]", soft_wrap=True)


def _counts(found: Diagnosis) -> str:
    splits = ", ".join(f"{name} {count:,}" for name, count in found.splits.items() if name != "all")
    lines = [f"{found.name}: {found.items:,} items" + (f" ({splits})" if splits else "")]
    if found.pictures:
        fine = found.items - len(found.missing) - len(found.unreadable)
        lines.append(
            f"pictures: {fine:,} readable, {len(found.missing):,} missing, {len(found.unreadable):,} unreadable; "
            f"{len(found.exact):,} groups of equal files, {len(found.near):,} of near duplicates, "
            f"{len(found.leaks):,} across splits"
        )
    if found.short_side:
        low, middle, high = found.short_side
        lines.append(f"short side: {low} to {high} pixels, median {middle}")
    if found.counts:
        agree = sum(count.agrees for count in found.counts)
        lines.append(f"published counts: {agree} of {len(found.counts)} agree")
    return "\n".join(lines)


def _table(found: Diagnosis) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("attribute", overflow="fold")
    for column in ("values", *(name for name in found.splits), "unknown"):
        table.add_column(column, justify="right")
    table.add_column("rarest (to train)", overflow="fold")
    table.add_column("verdict")
    for report in found.attributes:
        table.add_row(*_row(report, list(found.splits)))
    return table


def _row(report: AttributeReport, splits: list[str]) -> list[str]:
    from rich.markup import escape

    colour = _GOOD.get(report.verdict, "red")
    return [
        escape(report.name),
        f"{len(report.values):,}",
        *(f"{report.labelled.get(split, 0):,}" for split in splits),
        f"{100 * report.unknown:.0f} %",
        escape(f"{report.rarest} ({report.rarest_count:,})") if report.values else "",
        f"[{colour}]{report.verdict}[/]",
    ]
