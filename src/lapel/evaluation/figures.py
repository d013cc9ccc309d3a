"""The report's pictures as inline SVG; colours come from the page's style, so that they follow light and dark."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.analysis import Confusion
from lapel.evaluation.record import AttributeScore


def score_bar(score: AttributeScore, width: int = 240, height: int = 22) -> str:
    """MAP as a bar on 0 to 100, its interval as a whisker, chance as a tick."""
    x = [width * v / 100 for v in (score.map, score.low, score.high, score.chance)]
    middle = height / 2
    return (
        f'<svg class="bar" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="MAP {score.map:.1f}, interval {score.low:.1f} to {score.high:.1f}, chance {score.chance:.1f}">'
        f'<rect class="track" y="{middle - 5}" width="{width}" height="10" rx="2"/>'
        f'<rect class="fill" y="{middle - 5}" width="{x[0]:.1f}" height="10" rx="2"/>'
        f'<path class="whisker" d="M{x[1]:.1f} {middle}H{x[2]:.1f}'
        f'M{x[1]:.1f} {middle - 4}v8M{x[2]:.1f} {middle - 4}v8"/>'
        f'<path class="chance" d="M{x[3]:.1f} 1V{height - 1}"/></svg>'
    )


def curve(name: str, shares: NDArray[np.float64], chance: NDArray[np.float64]) -> str:
    """A match curve over ranks 1 to k (logarithmic), the model's as a line, chance dashed."""
    width, height, left, bottom, up = 250, 170, 34, 26, 20
    inner, tall = width - left - 10, height - bottom - up
    ranks = np.arange(1, len(shares) + 1)
    x = left + inner * np.log(ranks) / np.log(max(2, len(shares)))

    def line(values: NDArray[np.float64]) -> str:
        y = up + tall * (1 - values)
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))

    grid = "".join(
        f'<path class="grid" d="M{left} {up + tall * (1 - v):.1f}h{inner}"/>'
        f'<text x="{left - 5}" y="{up + tall * (1 - v) + 3.5:.1f}" text-anchor="end">{round(100 * v)}</text>'
        for v in (0, 0.5, 1)
    )
    ticks = "".join(
        f'<text x="{x[k - 1]:.1f}" y="{height - 10}" text-anchor="middle">{k}</text>'
        for k in (1, 5, 10, 100)
        if k <= len(shares)
    )
    return (
        f'<svg class="curve" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(name)}: {100 * shares[0]:.0f} % of queries have a relevant first hit">'
        f'<text class="name" x="{left}" y="12">{escape(name)}</text>{grid}{ticks}'
        f'<path class="chance" d="{line(chance)}"/><path class="line" d="{line(shares)}"/></svg>'
    )


def heat_map(found: Confusion, verb: str = "finds") -> str:
    """Rows: the query's value; columns: the values among its first hits; darker means a larger share.

    verb: between the two in a cell's title; "is taken for" where rows are true classes and columns predicted ones.
    """
    count = len(found.names)
    cell = 38 if count <= 12 else 28
    longest = max(map(len, found.names), default=1)
    left, above = int(14 + 6.2 * min(longest, 22) + 34), int(14 + 6.2 * min(longest, 22))
    width, height = left + count * cell + 4, above + count * cell + 4
    parts = []
    for i, name in enumerate(found.names):
        y, x = above + i * cell, left + i * cell
        label = escape(_short(name))
        parts.append(
            f'<text x="{left - 6}" y="{y + cell / 2 + 4}" text-anchor="end">{label} ({found.queries[i]})</text>'
        )
        spot = f"{x + cell / 2 + 4},{above - 6}"
        parts.append(f'<text transform="translate({spot}) rotate(-90)">{label}</text>')
        for j, share in enumerate(found.shares[i]):
            own = " own" if i == j else ""
            title = f"{escape(name)} {verb} {escape(found.names[j])}: {100 * share:.0f} %"
            parts.append(
                f'<rect class="cell{own}" x="{left + j * cell}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                f'fill-opacity="{share:.3f}"><title>{title}</title></rect>'
            )
            if share >= 0.1:
                dark = " on" if share > 0.55 else ""
                at = f'x="{left + j * cell + cell / 2 - 0.5}" y="{y + cell / 2 + 3.5}"'
                parts.append(f'<text class="share{dark}" {at} text-anchor="middle">{100 * share:.0f}</text>')
    return (
        f'<svg class="heat" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Value confusion over {count} values">{"".join(parts)}</svg>'
    )


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
