"""A model whose answers can be told by eye: attribute `top` is the colour of the upper half, `bottom` of the lower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lapel.schema import Card, Floats, Outputs, Preprocess, Vocabulary

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "white": (250, 250, 250)}
NAMED = ("red", "green", "blue")


class ColourModel:
    """D = 3: each attribute's embedding is the mean colour of its half, as a unit vector. Counts what it embeds."""

    def __init__(self, weights: str = "colours") -> None:
        self.card = Card(
            name="colours",
            system="fake",
            backbone="none",
            vocabulary=Vocabulary.of({"top": NAMED, "bottom": NAMED}),
            preprocess=Preprocess(8, 8, "stretch", 8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
            dim=3,
            look_dim=6,
            grid=(2, 2),
            weights_sha256=weights,
            values_fitted=True,
        )
        self.embedded = 0

    def __call__(self, pixels: Floats) -> Outputs:
        self.embedded += len(pixels)
        halves = np.stack([pixels[:, :, :4].mean(axis=(2, 3)), pixels[:, :, 4:].mean(axis=(2, 3))], axis=1)
        embeddings = _unit(halves)
        colours = _unit(np.array([COLOURS[name] for name in NAMED], np.float32) / 127.5 - 1)
        nearness = np.exp(5 * embeddings @ colours.T)
        values = nearness / nearness.sum(axis=-1, keepdims=True)
        regions = np.zeros((len(pixels), 2, 2, 2), np.float32)
        regions[:, 0, 0] = regions[:, 1, 1] = 0.5
        return Outputs(
            embeddings.astype(np.float32),
            regions,
            values.reshape(len(pixels), -1).astype(np.float32),
            _unit(halves.reshape(len(pixels), -1)).astype(np.float32),
        )


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def draw(path: Path, top: str, bottom: str, side: int = 32) -> Path:
    """A picture with a `top` upper and a `bottom` lower half."""
    picture = Image.new("RGB", (side, side), COLOURS[top])
    picture.paste(COLOURS[bottom], (0, side // 2, side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


OUTFITS = {
    "red-red": ("red", "red"),
    "red-blue": ("red", "blue"),
    "green-blue": ("green", "blue"),
    "green-green": ("green", "green"),
    "blue-red": ("blue", "red"),
}
PRICES = {"red-red": 10, "red-blue": 20, "green-blue": 30, "green-green": 40, "blue-red": None}


def draw_shop(folder: Path) -> Path:
    """Five outfits and a table with id, image, colours, price and title; gives the table's path."""
    lines = ["id,image,top_colour,bottom_colour,price,title"]
    for name, (top, bottom) in OUTFITS.items():
        draw(folder / f"{name}.png", top, bottom)
        price = "" if PRICES[name] is None else PRICES[name]
        lines.append(f"{name},{name}.png,{top},{top}|{bottom},{price},{name} No. {len(lines)}")
    table = folder / "labels.csv"
    table.write_text("\n".join(lines) + "\n")
    return table
