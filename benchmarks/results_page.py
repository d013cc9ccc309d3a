"""Write docs/results.md from evaluations on real photos: every figure in it comes from a file that a command wrote.

    python benchmarks/results_page.py RESULTS

RESULTS holds `<data>--<row>.json`, as `lapel evaluate RUN DATA --json FILE` writes them; rows are those of ROWS. The
summaries, without the per-query figures, go to benchmarks/results/quality.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lapel.compare import compare
from lapel.evaluation.record import Evaluation
from lapel.runtime import read_card, shipped
from lapel.schema import meaning, spoken, spoken_value

ROOT = Path(__file__).resolve().parent.parent
ROWS = {
    "imagenet": "ImageNet features",
    "frozen": "frozen backbone, attention and proxies",
    "triplet": "Triplet",
    "csn": "CSN",
    "asen_v2": "ASENet_V2",
    "asen_v2_gd": "ASENet_V2+GD",
    "lapel-lite": "lapel-lite",
    "lapel-lite-int8": "lapel-lite in 8 bits",
}
DATA = {
    "clothing-attributes": "clothing-attributes (271 test photos)",
    "fashion-products": "fashion-products (1,407 test photos)",
}
CHOSEN = {"clothing-attributes": None, "fashion-products": ("gender", "article_type", "color", "season", "usage")}
"""Set -> attributes whose mean the README shows; None: all of them."""

GOALS = {
    "clothing-attributes": [("asen_v2", None, 11.0), ("lapel-lite", None, 18.0)],
    "fashion-products": [
        ("asen_v2", CHOSEN["fashion-products"], 17.0),
        ("lapel-lite", ("article_type", "color", "gender", "usage"), 24.0),
    ],
}
"""Set -> row, attributes, and by how many points of mean MAP it should be better than ImageNet features."""
HEAD = """# Results on real photos

Written by `python benchmarks/results_page.py RESULTS`; nothing here is typed by hand. Protocol `each-against-rest` on
the test split: every labelled test photo is a query against all other labelled ones, itself and near duplicates left
out; MAP in percent with a 95 % bootstrap interval over queries ([how](evaluation.md)). All rows start from the same
ImageNet weights of EfficientNet-Lite0. *ImageNet features*: its pooled map, no training. *Frozen backbone*: the
ASENet_V2 head trained with proxies on the unchanged map. Triplet, CSN, ASENet_V2 and +GD: recipes of that name, seed 1,
chosen on the valid split; two CPU cores, no GPU. `lapel-lite`: the shipped model, one network for all
sets; `lapel-lite-int8`: the same in 8 bits.

A figure in **bold** is better than ImageNet features by a paired bootstrap whose 95 % interval excludes 0; one in
*italics* is not.
"""


SLICED = """MAP of the queries whose photo has that value, its interval, and the chance of these very queries; the
gallery is the whole one. Where a value is rarer, chance is lower: compare what lies above it.
"""


def main() -> None:
    """Read, compare, write."""
    folder = Path(sys.argv[1])
    parts, summary = [HEAD], {}
    for data, title in DATA.items():
        found = {row: Evaluation.load(path) for row in ROWS if (path := folder / f"{data}--{row}.json").is_file()}
        gains = {row: compare(found["imagenet"], e).to_dict() for row, e in found.items() if row != "imagenet"}
        parts += [f"## {title}\n", table(found, gains), verdict(data, found)]
        summary[data] = {row: _summary(e) for row, e in found.items()}
        summary[data]["against ImageNet features"] = gains
    parts += of_card(read_card(shipped()["lapel-lite"]).scores)
    (ROOT / "docs" / "results.md").write_text("\n".join(parts))
    readme = ROOT / "README.md"
    readme.write_text(between_marks(readme.read_text(), in_short(summary)))
    out = ROOT / "benchmarks" / "results" / "quality.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(summary, indent=1))


def _summary(found: Evaluation) -> dict[str, Any]:
    """What is kept of an evaluation: not its queries, nor its tables of confusions, which are long."""
    return {key: part for key, part in found.to_dict(per_query=False).items() if key != "classification"}


def of_card(scores: dict[str, Any]) -> list[str]:
    """What the shipped model's card says beside the rows: drawn garments, and scores of parts of the queries."""
    sets, parts = scores.get("sets", {}), []
    if drawn := sets.get("drawn", {}).get("attributes"):
        lines = ["| attribute | lapel-lite | chance |", "|---|---|---|"]
        each = [f"{s['map']:.1f} ({s['low']:.1f} to {s['high']:.1f}) | {s['chance']:.1f}" for s in drawn.values()]
        lines += [f"| {name} | {cells} |" for name, cells in zip(drawn, each, strict=True)]
        means = [sum(s[key] for s in drawn.values()) / len(drawn) for key in ("map", "chance")]
        lines.append(f"| mean over attributes | {means[0]:.1f} | {means[1]:.1f} |\n")
        head = "The test split of `lapel data synth DRAWN --n 1000 --seed 0`, by `lapel evaluate lapel-lite DRAWN`.\n"
        parts += ["## Drawn garments, lapel-lite\n", head, *lines]
    for data, found in sets.items():
        for by, values in found.get("slices", {}).items():
            title = f"## {data}, lapel-lite by {spoken(by)}{f' ({meaning(by)})' if meaning(by) else ''}\n"
            parts += [title, SLICED, slice_lines(by, values)]
    return parts


def slice_lines(by: str, values: dict[str, Any]) -> str:
    """One line an attribute: MAP, interval and chance of the queries of each value."""
    names = list(dict.fromkeys(name for scores in values.values() for name in scores))
    titles = [spoken_value(by, value) for value in values]
    lines = ["| " + " | ".join(["attribute", *titles]) + " |", "|---" * (len(values) + 1) + "|"]
    for name in names:
        found = [scores.get(name) for scores in values.values()]
        cells = [f"{s['map']:.1f} ({s['low']:.1f} to {s['high']:.1f}), {s['chance']:.1f}" if s else "" for s in found]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def in_short(summary: dict[str, dict[str, Any]]) -> str:
    """The README's table: mean MAP over each set's attributes that all rows know."""
    lines = [
        "| mean MAP, test split | clothing-attributes (11 attributes) | fashion-products (5 attributes) |",
        "|---|---|---|",
    ]
    for row, title in ROWS.items():
        cells = []
        for data, chosen in CHOSEN.items():
            scores = summary[data].get(row, {}).get("attributes", {})
            names = chosen or list(summary[data]["imagenet"]["attributes"])
            cells.append(f"{sum(scores[n]['map'] for n in names) / len(names):.1f}" if scores else "not run")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    chances = []
    for data, chosen in CHOSEN.items():
        scores = summary[data]["imagenet"]["attributes"]
        names = chosen or list(scores)
        chances.append(f"{sum(scores[n]['chance'] for n in names) / len(names):.1f}")
    return "\n".join([*lines, "| chance | " + " | ".join(chances) + " |"])


def between_marks(text: str, new: str, name: str = "results") -> str:
    """Replace what stands between a page's two marks of that name; at its end where it has none."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2] if rest else "\n"
    before = before if rest else before.rstrip("\n") + "\n\n"
    return f"{before}{begin}\n{new}\n{end}{after}"


def marked(text: str, name: str) -> str:
    """What stands between a page's two marks of that name; "" where it has none."""
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]


def table(found: dict[str, Evaluation], gains: dict[str, Any]) -> str:
    """One line an attribute, one column a row of ROWS."""
    names = list(found["imagenet"].attributes)
    lines = ["| attribute | chance | " + " | ".join(ROWS[row] for row in found) + " |", "|---" * (len(found) + 2) + "|"]
    for name in names:
        cells = [cell(e, gains.get(row), name) for row, e in found.items()]
        chance = found["imagenet"].attributes[name].chance
        lines.append(f"| {name} | {chance:.1f} | " + " | ".join(cells) + " |")
    means = [mean(e, names) for e in found.values()]
    lines.append("| mean over attributes | | " + " | ".join("" if m is None else f"{m:.1f}" for m in means) + " |")
    return "\n".join(lines) + "\n"


def cell(e: Evaluation, gain: Any, name: str) -> str:
    """MAP and interval; bold or italic by what the paired comparison says."""
    if name not in e.attributes:
        return ""
    score = e.attributes[name]
    text = f"{score.map:.1f}"
    if gain is not None:
        text = f"**{text}**" if gain["attributes"][name]["low"] > 0 else f"*{text}*"
    return f"{text} ({score.low:.1f} to {score.high:.1f})"


def mean(e: Evaluation, names: list[str]) -> float | None:
    """Mean MAP over these attributes in percent; None when one is missing."""
    if any(name not in e.attributes for name in names):
        return None
    return sum(e.attributes[name].map for name in names) / len(names)


def verdict(data: str, found: dict[str, Evaluation]) -> str:
    """The goals, a sentence each: reached or not, and what the other rows reach over the same attributes."""
    lines = []
    for aimed, chosen, goal in GOALS[data]:
        names = list(chosen or found["imagenet"].attributes)
        means = {row: value for row, e in found.items() if (value := mean(e, names)) is not None}
        gains = {row: value - means["imagenet"] for row, value in means.items() if row != "imagenet"}
        each = "; ".join(f"{ROWS[row]} {gain:+.1f}" for row, gain in gains.items())
        word = "reached" if gains.get(aimed, 0.0) >= goal else "not reached"
        over = "all attributes" if chosen is None else ", ".join(names)
        lines.append(
            f"Mean gain over ImageNet features, {over}: {each}. Goal for {ROWS[aimed]}: +{goal:.0f}, {word}.\n"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
