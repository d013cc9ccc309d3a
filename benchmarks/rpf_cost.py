"""What one photo costs RPF: passes, multiplications and time, as published and as RPF-small, all attributes at once.

Run: python benchmarks/rpf_cost.py [--threads 2] [--photos 4]
Also times the published way: for each attribute its own pass of both branches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from lapel.images import fit, normalise
from lapel.models.cards import new_card
from lapel.models.crop_model import CropModel
from lapel.models.registry import build
from lapel.models.rpf_patch import SMALL
from lapel.schema import Card, Crops, Preprocess, Vocabulary


def published(attributes: int) -> Card:
    words = Vocabulary.of({str(k): ["0", "1"] for k in range(attributes)})
    crops = Crops(0.1, 224, 224, 0.3)
    network = {"backbone": "resnet50", "cut": "layer3", "weights": "random"}
    return new_card(
        name="RPF", system="rpf", vocabulary=words, preprocess=Preprocess(), crops=crops, local={}, **network
    )


def small(attributes: int) -> Card:
    words = Vocabulary.of({str(k): ["0", "1"] for k in range(attributes)})
    options = {name: value for name, value in SMALL.items() if name != "side"}
    crops = Crops(0.4, SMALL["side"], SMALL["side"], 0.7)
    return new_card(
        name="RPF-small",
        system="rpf",
        backbone="efficientnet_lite0",
        weights="random",
        vocabulary=words,
        preprocess=Preprocess(256, 192, "stretch"),
        dim=128,
        crops=crops,
        local={"options": options},
    )


def one_attribute_a_pass(model: CropModel, pixels: torch.Tensor, photos: list[Image.Image], ask: Preprocess) -> None:
    """As the published code embeds: both branches anew for each attribute."""
    for k in range(model.head.attributes):
        asked = torch.full((len(photos),), k)
        seen = model.head(model.backbone(pixels), asked)
        crops = model.cut(photos, seen.regions[:, None], ask)[:, 0]
        ready = torch.from_numpy(normalise(crops.numpy(), ask))
        model.join(seen.raw, model.local_raw(ready, asked))


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    call()
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def measure(card: Card, count: int) -> None:
    model = build(card).eval().requires_grad_(False)  # the counter looks for gradients of parameters
    assert isinstance(model, CropModel)
    rng, ask = np.random.default_rng(0), card.preprocess
    coarse = [rng.integers(0, 256, (24, 16, 3), dtype=np.uint8) for _ in range(count)]
    photos = [Image.fromarray(c).resize((400, 600), Image.Resampling.BICUBIC) for c in coarse]
    pixels = torch.from_numpy(normalise(np.stack([fit(p, ask) for p in photos]), ask))
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            model.see(pixels[:1], photos[:1], ask)
        shared = seconds(lambda: model.see(pixels, photos, ask)) / count
        alone = seconds(lambda: one_attribute_a_pass(model, pixels, photos, ask)) / count
    many, half = model.head.attributes, counter.get_total_flops() / 2e9
    weights = sum(p.numel() for p in model.parameters()) / 1e6
    print(f"{card.name}: {weights:.1f} M weights, {many} attributes; 1 region pass and {many} patch passes a photo")
    print(
        f"  {half:.2f} G multiply-adds, {1000 * shared:.0f} ms a photo (batch of {count}, {card.preprocess.width} px)"
    )
    print(f"  one pass an attribute: {1000 * alone:.0f} ms a photo, {alone / shared:.2f} times as long")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--photos", type=int, default=4)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    measure(published(8), asked.photos)
    measure(small(11), asked.photos)
