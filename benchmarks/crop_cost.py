"""What one photo costs a model of two branches: ASEN++ as published, all attributes, against one attribute at a time.

    python benchmarks/crop_cost.py [--attributes 8] [--photos 4] [--rounds 3]

Untrained weights; photos of 600 x 800 in blocks of colour. The plain way does what the published code does: a batch
under one attribute after another, each with its own global pass, its own crops, and its own local pass.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from lapel.images import fit, normalise
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import unit
from lapel.models.cards import new_card
from lapel.models.crop_model import normalised
from lapel.models.registry import build
from lapel.schema import Attribute, Crops, Preprocess, Vocabulary


def published(attributes: int) -> TorchModel:
    vocabulary = Vocabulary(tuple(Attribute(f"a{n}", ("x", "y")) for n in range(attributes)))
    card = new_card(
        name="asenpp",
        system="asenpp",
        backbone="resnet50",
        cut="layer3",
        vocabulary=vocabulary,
        preprocess=Preprocess(),
        weights="random",
        crops=Crops(),
        local={"backbone": "resnet34", "cut": "layer3", "options": {}},
    )
    return TorchModel(build(card), card)


def plain(model: TorchModel, photos: list[Image.Image]) -> None:
    net, asked = model.model, model.card.preprocess
    for k in range(len(model.card.vocabulary)):
        wanted = torch.full((len(photos),), k)
        pixels = torch.from_numpy(normalise(np.stack([fit(photo, asked) for photo in photos]), asked))
        with torch.inference_mode():
            raw, regions = net.head(net.backbone(pixels), wanted)
            crops = [net.cut([photo], regions[n : n + 1, None], asked)[0, 0] for n, photo in enumerate(photos)]
            unit(net.local_raw(normalised(torch.stack(crops), asked, raw), wanted))


def least(call: Callable[[], object], rounds: int) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("attributes", 8), ("photos", 4), ("rounds", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    small = (Image.fromarray(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)) for _ in range(args.photos))
    photos = [one.resize((600, 800), Image.Resampling.NEAREST) for one in small]
    model = published(args.attributes)
    asked = model.card.preprocess
    pixels = torch.from_numpy(normalise(np.stack([fit(photo, asked) for photo in photos]), asked))
    net = model.model
    with torch.inference_mode():
        features = net.backbone(pixels)
        whole, regions = net.head.all(features)
        crops = net.cut(photos, regions, asked)
        parts = {
            "fit": lambda: normalise(np.stack([fit(photo, asked) for photo in photos]), asked),
            "global": lambda: net.head.all(net.backbone(pixels)),
            "crop": lambda: net.cut(photos, regions, asked),
            "local": lambda: net.locally(crops, asked, whole),
        }
        each = {name: round(1000 * least(call, args.rounds) / len(photos), 1) for name, call in parts.items()}
    ours = 1000 * least(lambda: model.photos(photos), args.rounds) / len(photos)
    theirs = 1000 * least(lambda: plain(model, photos), args.rounds) / len(photos)
    found = {"ms_per_photo": round(ours, 1), "plain_ms_per_photo": round(theirs, 1), "times": round(theirs / ours, 2)}
    print(json.dumps(vars(args) | {"parts_ms_per_photo": each} | found, indent=1))


if __name__ == "__main__":
    main()
