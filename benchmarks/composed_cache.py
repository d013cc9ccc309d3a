"""An epoch of composed training from cached features, against one that runs the frozen towers again.

    python benchmarks/composed_cache.py [--clip ViT-B-32] [--pictures 24] [--rounds 3]

FashionERN over a CLIP of open_clip's with random weights (what the weights are does not change the time), on drawn
pictures. `again`: an epoch in which each reference, target and caption goes through the towers, 13 crops a picture, as
a loop without a cache has it. `cached`: the same epoch, the same batches, from the cache, read from disk. `fill`: what
the cache costs once. The two epochs take turns; the ratio is the median of the rounds'. Exit 1 below 50.
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
SIDE = 320


class Again(Features):
    """The same towers, nothing kept."""

    files: dict[str, Path]

    def pictures(self, names: list[str]) -> torch.Tensor:
        """See `Features`."""
        return torch.from_numpy(self.picture_rows([self.files[name] for name in names]))

    def texts(self, asked: list[tuple[str, str]]) -> torch.Tensor:
        """See `Features`."""
        return torch.from_numpy(self.text_rows(asked))


def drawn_set(folder: Path, count: int) -> ComposedSet:
    """`count` pictures of noise, each the reference of one query."""
    names = {f"p{n}": folder / f"{n}.jpg" for n in range(count)}
    for n, path in enumerate(names.values()):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    queries = tuple(
        ComposedQuery(f"p{n}", (f"is colour {n}", "has longer sleeves"), (f"p{(n + 1) % count}",)) for n in range(count)
    )
    return ComposedSet("drawn", "train", names, {"": tuple(names)}, queries)


def epoch(data: ComposedSet, features: Features, network: ComposedNetwork, batch: int) -> float:
    """Seconds of an epoch: batches, forward, backward, update."""
    feed = ComposedFeed(data, features, ComposedSampling(batch=batch), 1, 1, seed=1)
    objective = ComposedObjective(network, ComposedLoss(), feed.recipe).train()
    optimizer = torch.optim.Adam(network.system.parameters(), 1e-6)
    feed.begin(1)
    start = time.perf_counter()
    for number in range(feed.batches):
        objective(*feed.batch(number)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - start


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--clip", default="ViT-B-32")
    asked.add_argument("--pictures", type=int, default=24)
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    torch.manual_seed(1)
    clip = load_clip(given.clip, "random")
    network = ComposedNetwork(clip, "fashionern", {}, None)
    batch = max(2, given.pictures // 3)
    with tempfile.TemporaryDirectory() as place:
        data = drawn_set(Path(place), given.pictures)
        cached, again = (kind(clip, closely=True, folder=Path(place) / "cache") for kind in (Features, Again))
        again.files = dict(data.images)
        start = time.perf_counter()
        cached.see(data.images)
        cached.read(asked_in_training(data, "augmented"))
        fill = time.perf_counter() - start
        epoch(data, cached, network, batch)  # does not count
        rounds = [
            {"again": epoch(data, again, network, batch), "cached": epoch(data, cached, network, batch)}
            for _ in range(given.rounds)
        ]
    found = {
        "clip": clip.name, "queries": given.pictures, "batch": batch, "threads": torch.get_num_threads(),
        "fill_seconds": round(fill, 2),
        "again_seconds": round(statistics.median(r["again"] for r in rounds), 3),
        "cached_seconds": round(statistics.median(r["cached"] for r in rounds), 3),
        "ratio": round(statistics.median(r["again"] / r["cached"] for r in rounds), 1),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    return 0 if found["ratio"] >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
