"""A comparison as a table for a terminal."""

from __future__ import annotations

from rich.table import Table

from lapel.compare.paired import Comparison, Difference
from lapel.evaluation.protocols import TRIPLETS
from lapel.evaluation.record import ACCURACY, MAP


def difference_table(found: Comparison) -> Table:
    """One row an attribute and the overall row; points of MAP."""
    table = Table(
        title=f"{found.b} (B) against {found.a} (A) on {found.data} ({found.split}), protocol {found.protocol}",
        caption=f"B - A in points of {ACCURACY if found.protocol == TRIPLETS else MAP} over the "
        "same queries; interval by paired bootstrap, p by sign flips "
        "(two-sided; p Holm is corrected for the number of attributes). * the interval excludes 0."
        + (f"\nIn one evaluation only: {', '.join(found.only_one)}." if found.only_one else ""),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("attribute")
    for name in ("A", "B", "B - A", "95 % interval", "p", "p Holm", "queries"):
        table.add_column(name, justify="right", no_wrap=True)
    holm = found.holm
    for name, row in found.attributes.items():
        table.add_row(name, *_cells(row, f"{holm[name]:.4f}"))
    table.add_section()
    table.add_row("overall", *_cells(found.overall, ""))
    return table


def _cells(row: Difference, holm: str) -> list[str]:
    star = " *" if row.clear else "  "
    interval = f"{row.low:+.2f} to {row.high:+.2f}"
    return [
        f"{row.a:.2f}",
        f"{row.b:.2f}",
        f"{row.difference:+.2f}{star}",
        interval,
        f"{row.p:.4f}",
        holm,
        str(row.queries),
    ]
