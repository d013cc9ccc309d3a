"""Forty queries over real photos as one page: ten attributes, four queries each, the first eight hits of each.

    python benchmarks/forty_queries.py --data FOLDER --out PAGE.html [--model lapel-lite] [--seed 0]

Queries are drawn by the seed among the labelled test photos, nothing is chosen by hand; hits are the nearest under the
attribute among all other labelled test photos of the set, near duplicates left out, as the protocol each-against-rest
ranks them. A hit is marked right when it shares a value with the query; its value stands below. Pictures are embedded,
so the page stays out of the repository.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lapel.datasets import read
from lapel.evaluation.photos import evaluate
from lapel.evaluation.report import Shown, shown, template
from lapel.evaluation.saving import write_whole
from lapel.export import load_model
from lapel.images import ImageCache
from lapel.progress import bar
from lapel.schema import spoken

ASKED = {
    "clothing-attributes": ("sleeve_length", "neckline", "category", "collar", "pattern", "color"),
    "fashion-products": ("article_type", "color", "gender", "usage"),
}
EACH, HITS = 4, 8


@dataclass(frozen=True)
class Section:
    """One attribute of one set: its queries, and the share of right hits in percent beside chance."""

    title: str
    queries: tuple[Shown, ...]
    right: float
    chance: float


def main() -> None:
    """Evaluate, draw, write the page, print the share of right hits."""
    args = _arguments()
    model, sections = load_model(args.model), []
    for name, attributes in ASKED.items():
        items = read(args.data / name)
        part = items.split("test")
        cache = ImageCache.for_model(model.card.preprocess)
        with bar(f"embedding {name}", len(part)) as progress:
            found = evaluate(model, items, attributes=attributes, cache=cache, progress=progress)
        rows = {item: row for row, item in enumerate(items.ids)}
        table = items.take(np.array([rows[item] for item in found.ids], dtype=np.int64))
        for attribute in attributes:
            details = found.details[attribute]
            rng = np.random.default_rng([args.seed, len(sections)])
            drawn = np.sort(rng.choice(len(details.task.queries), EACH, replace=False))
            queries = tuple(shown(table, attribute, details, int(query), HITS) for query in drawn)
            hits = [hit.relevant for one in queries for hit in one.hits]
            chance = float(np.mean(details.ranked.relevant[drawn] / details.ranked.ranked[drawn]))
            sections.append(Section(f"{spoken(attribute)}, {name}", queries, 100 * float(np.mean(hits)), 100 * chance))
    title = f"Forty queries of {model.card.name} ({model.card.fingerprint}), seed {args.seed}"
    write_whole(args.out, template("queries.html.j2").render(title=title, sections=sections))
    print(json.dumps({one.title: {"right": round(one.right, 1), "chance": round(one.chance, 1)} for one in sections}))
    right = np.mean([one.right for one in sections])
    print(f"Right among the first {HITS}: {right:.1f} % of {len(sections) * EACH * HITS}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="lapel-lite")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
