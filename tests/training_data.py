"""Tiny labelled photos for the training tests: a colour patch (one attribute) with or without stripes (another)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"red": (200, 40, 40), "blue": (40, 40, 200), "green": (40, 160, 40)}
ATTRIBUTES = {"color": tuple(COLORS), "pattern": ("plain", "stripe")}

TINY = [
    "model={system: asen_v2, backbone: test_resnet, weights: random, options: {hidden: 16}}",
    "model.height=32",
    "model.width=32",
    "model.look_dim=8",
    "loss={proxy: 1, in_batch_triplet: 1}",
    "data.workers=1",
    "sampling.augment={flip: 0.5}",
    "optimiser={epochs: 2, lr: 1e-3}",
    "running={device: cpu, threads: 1, log_every: 1, checkpoint_steps: 2}",
]
TRIPLETS = "sampling={mode: triplets, batch: 4, steps: 4}"
BATCHES = "sampling={mode: batch, batch: 6, steps: 4}"
"""Overrides that make any recipe small."""


def photo(color: str, pattern: str, noise: int) -> Image.Image:
    """32 x 32 in this colour and pattern, each `noise` another picture."""
    pixels = np.random.default_rng(noise).integers(0, 50, (32, 32, 3))
    pixels += np.array(COLORS[color])
    if pattern == "stripe":
        pixels[::4] += 100
        pixels[1::4] += 100
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_table(folder: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """labels.csv with these rows; the folder."""
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def tiny_set(folder: Path, count: int = 36, extra: Mapping[str, Sequence[str]] | None = None) -> Path:
    """`count` photos, two thirds for training, the rest for valid and test.

    extra: further attributes and their values, dealt in turn; default color and pattern alone, which the photos show.
    """
    (folder / "images").mkdir(parents=True)
    rows = []
    for n in range(count):
        color, pattern = ATTRIBUTES["color"][n % 3], ATTRIBUTES["pattern"][n // 3 % 2]
        photo(color, pattern, n).save(folder / "images" / f"{n:03}.png")
        split = ("train", "train", "train", "train", "valid", "test")[n // 6 % 6]
        row = {"image": f"images/{n:03}.png", "split": split, "color": color, "pattern": pattern}
        rows.append(row | {name: values[n % len(values)] for name, values in (extra or {}).items()})
    return write_table(folder, rows)
