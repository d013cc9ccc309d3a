"""An answer as a table for people."""

from __future__ import annotations

import sys
from pathlib import Path

from lapel.schema import Answer, Contribution, spoken

SHOWN_COLUMNS = 4
PIPED_WIDTH = 140


def print_hits(answer: Answer) -> None:
    """Rank, item, score, what each part added, and some of the item's own columns."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    if not answer.hits:
        console.print("No item meets the filter.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("item", no_wrap=True)
    table.add_column("score", justify="right")
    for part in answer.weights:
        table.add_column(escape(_heading(part)), justify="right")
    columns = list(dict.fromkeys(name for hit in answer.hits for name in hit.metadata))[:SHOWN_COLUMNS]
    for name in columns:
        table.add_column(escape(name), max_width=24)
    for rank, hit in enumerate(answer.hits, 1):
        added = [f"{part.added:+.3f}" for part in hit.parts]
        own = [escape(str(hit.metadata.get(name, ""))) for name in columns]
        more = f" (+{len(hit.folded)} alike)" if hit.folded else ""
        table.add_row(str(rank), escape(hit.item + more), f"{hit.score:.3f}", *added, *own)
    for note in answer.notes:
        console.print(escape(note), style="bold")
    console.print(table)
    how = "exact" if answer.exact else f"approximate (recall {answer.recall or 0:.3f}, measured on this catalogue)"
    console.print(f"{len(answer.hits)} of {answer.considered} items, {how}. A score is the sum of weight x cosine.")


def _heading(part: Contribution) -> str:
    return f"{spoken(part.attribute)}\n{part.weight:+.2f} {part.text[:16] or Path(part.reference).name[-16:]}"
