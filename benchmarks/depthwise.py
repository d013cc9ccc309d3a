"""A training step of EfficientNet-Lite0 on one core: float32, bfloat16 as it is, and with our depthwise backward.

python benchmarks/depthwise.py [--batch 32]      prints one JSON object; exit 1 below 1.3 times

Forward and backward of the whole backbone at 256 x 192, in turns; processor time of this one process, so that other
work on the machine does not count.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import sys
import time
from contextlib import nullcontext

import torch

from lapel.models.backbones import build_backbone
from lapel.training.depthwise import faster_depthwise

LIMIT = 1.3
WAYS = ("float32", "bfloat16", "bfloat16_faster")


def step(net: torch.nn.Module, photos: torch.Tensor, way: str) -> float:
    """Processor seconds of one forward and backward."""
    start = time.process_time()
    faster = faster_depthwise(photos.device) if way == "bfloat16_faster" else nullcontext()
    with torch.autocast("cpu", torch.bfloat16, enabled=way != "float32"), faster:
        found = net(photos)
    found.float().mean().backward()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    batch = parser.parse_args().batch
    torch.set_num_threads(1)
    net = build_backbone("efficientnet_lite0", weights="packaged").to(memory_format=torch.channels_last).train()
    photos = torch.randn(batch, 3, 256, 192).contiguous(memory_format=torch.channels_last)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(4):
        for way in WAYS:
            taken[way].append(step(net, photos, way))
    seconds = {way: statistics.median(found[1:]) for way, found in taken.items()}  # the first one warms up
    ratio = seconds["bfloat16"] / seconds["bfloat16_faster"]
    result = {
        "benchmark": "depthwise",
        "batch": batch,
        "photos_per_second_one_core": {way: round(batch / found, 1) for way, found in seconds.items()},
        "faster_than_bfloat16": round(ratio, 2),
        "faster_than_float32": round(seconds["float32"] / seconds["bfloat16_faster"], 2),
    }
    print(json.dumps(result))
    return 0 if ratio >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
