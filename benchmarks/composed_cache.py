"""An epoch of composed training from cached features, against one that runs the frozen towers again.

    python benchmarks/composed_cache.py [--clip ViT-B-16] [--pictures 3] [--queries 32] [--rounds 3]

FashionERN over a CLIP of open_clip's with random weights (what the weights are does not change the time), on drawn
pictures. `towers`: seconds that the frozen towers take for one query, measured over a few pictures with their 13 crops
and a few texts: a loop without a cache runs two pictures and a text a query in every epoch. `step`: seconds of a
training step from the cache, a query: rows read from disk, forward, backward, update. The ratio is
(towers + step) / step, since a loop without a cache takes the same step. Seconds are of processor time, so that other
work on the machine changes little; reading rows back costs the disk next to nothing. Writes
results/composed_cache.json. Exit 1 below 50.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lapel.models.composed.loading import load_clip
from lapel.models.composed.network import ComposedNetwork
from lapel.schema import ComposedQuery, ComposedSet
from lapel.training.composed.features import Features
from lapel.training.composed.feed import ComposedFeed, asked_in_training
from lapel.training.composed.objective import ComposedObjective
from lapel.training.composed.recipe import ComposedLoss, ComposedSampling

LIMIT = 50.0
RESULTS = Path(__file__).parent / "results" / "composed_cache.json"
SIDE, TEXTS = 320, 8


def drawn_set(folder: Path, pictures: int, queries: int) -> ComposedSet:
    """Pictures of noise, and queries that go through them in turn with one of `TEXTS` texts."""
    names = {f"p{n}": folder / f"{n}.jpg" for n in range(pictures)}
    for n, path in enumerate(names.values()):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    made = tuple(
        ComposedQuery(f"p{n % pictures}", (f"is longer, and in colour {n % TEXTS}",), (f"p{(n + 1) % pictures}",))
        for n in range(queries)
    )
    return ComposedSet("drawn", "train", names, {"": tuple(names)}, made)


def tower_seconds(features: Features, data: ComposedSet) -> float:
    """A query's: two pictures and a text, through the towers themselves."""
    start = time.process_time()
    features.picture_rows(list(data.images.values()))
    a_picture = (time.process_time() - start) / len(data.images)
    asked = list(dict.fromkeys(asked_in_training(data, "augmented")))[:TEXTS]
    start = time.process_time()
    features.text_rows(asked)
    return 2 * a_picture + (time.process_time() - start) / len(asked)


def step_seconds(features: Features, data: ComposedSet, network: ComposedNetwork, rounds: int) -> float:
    """A query's: median over rounds of one step of all queries, after one that does not count."""
    feed = ComposedFeed(data, features, ComposedSampling(batch=len(data.queries)), 1, 1, seed=1)
    objective = ComposedObjective(network, ComposedLoss(), feed.recipe).train()
    optimizer = torch.optim.Adam(network.system.parameters(), 1e-6)
    taken = []
    for epoch in range(1, rounds + 2):
        start = time.process_time()
        feed.begin(epoch)
        objective(*feed.batch(0)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        taken.append(time.process_time() - start)
    return statistics.median(taken[1:]) / len(data.queries)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--clip", default="ViT-B-16")
    asked.add_argument("--pictures", type=int, default=3)
    asked.add_argument("--queries", type=int, default=32)
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    torch.manual_seed(1)
    clip = load_clip(given.clip, "random")
    network = ComposedNetwork(clip, "fashionern", {}, None)
    with tempfile.TemporaryDirectory() as place:
        data = drawn_set(Path(place), given.pictures, given.queries)
        features = Features(clip, closely=True, folder=Path(place) / "cache")
        start = time.process_time()
        features.see(data.images)
        texts = asked_in_training(data, "augmented")
        features.read(texts)
        fill = time.process_time() - start
        towers, step = tower_seconds(features, data), step_seconds(features, data, network, given.rounds)
    ratio = (towers + step) / step
    found = {
        "clip": clip.name, "photos": given.pictures, "crops_a_photo": 13, "texts": len({text for text, _ in texts}),
        "queries_a_step": given.queries, "threads": torch.get_num_threads(),
        "fill_seconds": round(fill, 2), "towers_seconds_a_query": round(towers, 4),
        "step_seconds_a_query": round(step, 5), "ratio": round(ratio, 1),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if ratio >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
