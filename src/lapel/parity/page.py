"""The results of `lapel parity` as a page of the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from lapel.parity.running import Result

HEAD = """# Parity

Written by `lapel parity FOLDER --markdown docs/parity.md`; do not edit.

The numbers of the published code, recomputed here case by case. The greatest difference over a case's arrays stands as
it is, and relative to the array's greatest number (at least 1). A case passes when every array stays within its
tolerance: 1e-5 for float32, 1e-8 for float64, 1e-4 for `rpf_*` and `fern_*` (1e-3 for their gradient norms, 5e-3 for
`rpf_*` after an optimizer step); whole numbers are equal.
"""


def page(results: Sequence[Result]) -> str:
    """Markdown: every case with its differences, and how many passed. Ends with a line break."""
    lines = [HEAD, f"{_counts(results)}; PyTorch {torch.__version__.split('+')[0]}, on CPU.", ""]
    lines += ["| case | system | greatest difference | relative | result |", "|---|---|---|---|---|"]
    for result in results:
        numbers = (_figure(value) for value in (result.absolute, result.relative))
        said = f"{result.status}: {result.reason}" if result.reason else result.status
        cells = (f"`{result.case}`", result.system, *numbers, said)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _counts(results: Sequence[Result]) -> str:
    counts = Counter(result.status for result in results)
    named = ", ".join(f"{counts[status]} {status}" for status in ("pass", "fail", "not built") if counts[status])
    return f"{len(results)} cases: {named}"


def _figure(value: float | None) -> str:
    return "-" if value is None else "0" if value == 0 else f"{value:.1e}"
