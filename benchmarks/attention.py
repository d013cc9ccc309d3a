"""Does a model look where an attribute is decided? Its regions against the exact ones of drawn garments.

    lapel data synth DRAWN --n 2000 --seed 0
    lapel train synth/asen_v2 --set data=DRAWN --out RUN
    python benchmarks/attention.py RUN --data DRAWN

Every drawn item has a mask of the pixels that decide each attribute. The mask is prepared as the picture is (stretched,
cut or padded) and averaged over the cells of the model's map. Of the attributes that model and drawings share, over the
items of the split that have the attribute visible:

    share   the region's share of the input: the mass that a map knowing nothing (uniform) puts inside it
    mass    the attention mass inside the region
    ratio   mean mass / mean share
    others  the same ratio for the maps of the model's other attributes: how much of it any map would reach
    best    the ratio of a map that puts everything into the cell that the region fills most

Exit 1 when the median attribute's ratio is below 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.datasets import read
from lapel.embedding import embed_batches
from lapel.export import load_model
from lapel.images import fit
from lapel.progress import bar
from lapel.schema import Floats, ItemTable, Model, Preprocess
from lapel.synth import ATTRIBUTES, read_masks

LIMIT = 2.0


def covered(mask: NDArray[np.bool_], preprocess: Preprocess, grid: tuple[int, int]) -> Floats:
    """(h, w): how much of each cell of the model's map lies inside the mask (H, W); padding lies outside."""
    picture = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).convert("RGB")
    seen = fit(picture, replace(preprocess, fill=0))[..., 0].astype(np.float32) / 255
    return np.asarray(Image.fromarray(seen).resize((grid[1], grid[0]), Image.Resampling.BOX))


def row_of(regions: Floats, k: int, cover: Floats) -> tuple[float, ...]:
    """One item's figures for attribute k: share, mass, others, best; regions (K, h, w), cover (h, w)."""
    inside = (regions * cover).sum(axis=(1, 2))
    others = np.delete(inside, k)
    return float(cover.mean()), float(inside[k]), float(others.mean() if len(others) else 0), float(cover.max())


def figures(rows: Iterable[tuple[float, ...]]) -> dict[str, float]:
    """Means over items, and the ratios to the share."""
    table = np.array(list(rows))
    share, mass, others, best = table.mean(axis=0)
    found = {"share": share, "mass": mass, "ratio": mass / share, "others": others / share, "best": best / share}
    return {"items": len(table)} | {name: round(float(value), 4) for name, value in found.items()}


def measure(model: Model, items: ItemTable) -> dict[str, dict[str, float]]:
    """Attribute -> its figures, in the model's order."""
    card = model.card
    shared = [name for name in card.vocabulary.names if name in ATTRIBUTES and name in items.vocabulary.names]
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in shared}
    with bar("looking", len(items)) as progress:
        for numbers, outputs, _ in embed_batches(model, items.paths, progress=progress):
            assert outputs is not None
            for place, number in enumerate(numbers):
                masks = read_masks(items[number].mask or "")
                for name in shared:
                    if name in masks and masks[name].any():
                        cover = covered(masks[name], card.preprocess, card.grid)
                        if cover.any():
                            rows[name].append(row_of(outputs.regions[place], card.vocabulary.index(name), cover))
    return {name: figures(found) for name, found in rows.items() if found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a run folder, a checkpoint, an exported folder, or a shipped model's name")
    parser.add_argument("--data", type=Path, required=True, help="folder drawn by lapel data synth")
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    model, items = load_model(given.model), read(given.data)
    part = items.split(given.split)
    found = measure(model, part)
    if not found:
        sys.exit(f"'{model.card.name}' and the drawings share no attribute: {', '.join(model.card.vocabulary.names)}.")
    median = statistics.median(each["ratio"] for each in found.values())
    result = {
        "benchmark": "attention",
        "model": {"name": model.card.name, "fingerprint": model.card.fingerprint, "grid": list(model.card.grid)},
        "data": {"name": items.name, "fingerprint": items.fingerprint, "split": given.split, "items": len(part)},
        "attributes": found,
        "median_ratio": round(median, 3),
        "limit": LIMIT,
        "passed": median >= LIMIT,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    return 0 if median >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
