"""What the shipped model costs: photos a second and memory, in 32 and 8 bits, against ViT-B/32 in the same runtime.

    python benchmarks/model_cost.py [--photos FOLDER] [--model lapel-lite] [--indexed 3000] [--rounds 5] [--json]

`vit_b32` is open_clip's ViT-B-32 for pictures (random weights, 224 x 224) and `pass_per_attribute` the shipped
model's architecture with one pass of one attribute for each attribute; all four are ONNX files in ONNX Runtime on the
same threads. How pictures share the threads is Lapel's for its own models; for the other two, whichever of three ways
is fastest here (`shared`). `network` is a batch of noise, `files` from JPEG files to all vectors (two reading threads).
The ways take turns in every round and their order rotates; a ratio is the median of the rounds' ratios to `vit_b32`, so
that other work on the machine hits all alike.

`index` is `lapel index` of --indexed photos in a process of its own: from files to a stored catalogue, with the
process's greatest resident memory. Without --photos, drawn ones of 512 px are used, and 300 are indexed.

Exit 1 below 4.5 times ViT-B/32 or 100 photos a second to the stored catalogue, or from 500 MB on, or from 60 s on for
3,000 photos.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from torch import Tensor, nn

from lapel.bench.machine import machine
from lapel.datasets import read
from lapel.embedding import embed
from lapel.models.registry import build
from lapel.runtime import OnnxModel, shipped
from lapel.runtime.onnx import INPUT
from lapel.schema import Card, Floats, Model, Outputs, Preprocess, Vocabulary
from lapel.synth import draw_catalogue

JSON = Path(__file__).parent / "results" / "model_cost.json"
BASE, OPSET = "vit_b32", 17
SHARED = (0, 2, 8)
"""Ways to share the threads that are tried for others' networks: see `Passes`."""
TIMES, PHOTOS_A_SECOND, MEGABYTES, SECONDS = 4.5, 100.0, 500.0, 60.0
DRAWN, INDEXED, DRAWN_INDEXED = 512, 3000, 300
LAPEL = """
import atexit, pathlib, sys
from lapel.bench.machine import peak_bytes
peak = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: peak.write_text(str(peak_bytes())))
from lapel.interfaces.cli.main import main
main()
"""
"""The command line, whose process notes its greatest resident memory at its end."""


class Passes:
    """`lapel.schema.Model` over an ONNX file that is asked `times` times; vectors side by side.

    at_once: pictures a run, whose runs go side by side on one thread each; 0: a whole call a run, on all threads.
    """

    def __init__(self, file: Path, card: Card, times: int, threads: int, at_once: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if at_once else threads
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.beside = ThreadPoolExecutor(threads)
        self.card, self.times, self.at_once = card, times, at_once

    def __call__(self, pixels: Floats) -> Outputs:
        """Embeddings alone."""
        step = self.at_once or len(pixels)
        parts = self.beside.map(self._few, [pixels[at : at + step] for at in range(0, len(pixels), step)])
        none = np.zeros((len(pixels), 0), np.float32)
        return Outputs(np.concatenate(list(parts)), none, none, none)

    def _few(self, pixels: Floats) -> Floats:
        return np.stack([self.session.run(None, {INPUT: pixels})[0] for _ in range(self.times)], axis=1)


def fastest(file: Path, card: Card, times: int, threads: int, batch: int) -> Passes:
    """The file with the threads shared in the way that takes the least time for a batch."""
    pixels = np.zeros((batch, 3, card.preprocess.height, card.preprocess.width), np.float32)
    tried = [Passes(file, card, times, threads, at_once) for at_once in SHARED]
    rounds = timed({str(passes.at_once): lambda passes=passes: passes(pixels) for passes in tried}, 2)
    return min(tried, key=lambda passes: min(turn[str(passes.at_once)] for turn in rounds))


class OneAttribute(nn.Module):
    """A pass that answers for a single attribute, as the published systems do."""

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.model = build(card)

    def forward(self, pixels: Tensor) -> Tensor:
        """The first attribute's embeddings (B, D)."""
        return self.model.embed(pixels, torch.zeros(pixels.shape[0], dtype=torch.int64))


def traced(net: nn.Module, card: Card, file: Path) -> Path:
    """The network as an ONNX file with a free batch axis."""
    example = torch.zeros(2, 3, card.preprocess.height, card.preprocess.width)
    axes = {INPUT: {0: "batch"}, "vectors": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracing exporter, about constants that are constant
        torch.onnx.export(
            net.eval(),
            (example,),
            str(file),
            dynamo=False,
            input_names=[INPUT],
            output_names=["vectors"],
            dynamic_axes=axes,
            opset_version=OPSET,
        )
    return file


def ways(name: str, threads: int, batch: int, scratch: Path) -> dict[str, Model]:
    """Every way to embed, by name."""
    torch.manual_seed(0)
    found: dict[str, Model] = {"fp32": OnnxModel(shipped()[name], threads)}
    if f"{name}-int8" in shipped():
        found["int8"] = OnnxModel(shipped()[f"{name}-int8"], threads)
    card = found["fp32"].card
    single = traced(OneAttribute(card.without_words), card, scratch / "single.onnx")
    found["pass_per_attribute"] = fastest(single, card, len(card.vocabulary), threads, batch)
    look = Card(BASE, "none", "vit", Vocabulary.of({"all": "a"}), Preprocess(), 512, 0, (7, 7))
    net = open_clip.create_model("ViT-B-32", pretrained=None).visual
    found[BASE] = fastest(traced(net, look, scratch / "vit.onnx"), look, 1, threads, batch)
    return found


def timed(actions: Mapping[str, Callable[[], object]], rounds: int) -> list[dict[str, float]]:
    """Seconds of each way in each round, after one round that does not count."""
    names, found = list(actions), []
    for turn in range(rounds + 1):
        at, seconds = turn % len(names), {}
        for name in names[at:] + names[:at]:
            start = time.perf_counter()
            actions[name]()
            seconds[name] = time.perf_counter() - start
        found.append(seconds)
    return found[1:]


def summary(rounds: list[dict[str, float]], photos: int) -> dict[str, dict[str, float]]:
    """Photos a second and times as fast as ViT-B/32, by way."""
    return {
        "photos_a_second": {
            way: round(photos / statistics.median(turn[way] for turn in rounds), 1) for way in rounds[0]
        },
        "times": {way: round(statistics.median(turn[BASE] / turn[way] for turn in rounds), 2) for way in rounds[0]},
    }


def network(models: Mapping[str, Model], batch: int, rounds: int) -> dict[str, dict[str, float]]:
    """The networks alone, on noise (what the pixels show does not change the time)."""
    draw = np.random.default_rng(0)

    def action(model: Model) -> Callable[[], object]:
        size = model.card.preprocess
        pixels = draw.standard_normal((batch, 3, size.height, size.width), dtype=np.float32)
        return lambda: model(pixels)

    return summary(timed({name: action(model) for name, model in models.items()}, rounds), batch)


def files(models: Mapping[str, Model], photos: list[Path], rounds: int) -> dict[str, dict[str, float]]:
    """From JPEG files to all vectors."""
    ids = [str(number) for number in range(len(photos))]

    def action(model: Model) -> Callable[[], object]:
        return lambda: embed(model, photos, ids)

    return summary(timed({name: action(model) for name, model in models.items()}, rounds), len(photos))


def indexed(name: str, photos: list[Path], scratch: Path) -> dict[str, float]:
    """Seconds, photos a second and greatest memory of a process that indexes the photos."""
    table = scratch / "photos.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["image"], *([str(path)] for path in photos)])
    peak = scratch / f"peak-{name}"
    command = [
        sys.executable,
        "-c",
        LAPEL,
        str(peak),
        "index",
        str(scratch / f"of-{name}"),
        str(table),
        "--model",
        name,
    ]
    start = time.perf_counter()
    cache = os.environ | {"LAPEL_CACHE": str(scratch / f"cache-{name}")}
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=cache)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"lapel index failed: {done.stderr}")
    found = {"seconds": seconds, "photos_a_second": len(photos) / seconds, "peak_mb": int(peak.read_text()) / 2**20}
    return {key: round(value, 1) for key, value in found.items()}


def over(result: dict[str, Any], count: int) -> list[str]:
    """What missed its goal."""
    found = [f"network {way}" for way in ("fp32", "int8") if result["network"]["times"].get(way, TIMES) < TIMES]
    for name, each in result["index"].items():
        found += [f"photos a second, {name}"] * (each["photos_a_second"] < PHOTOS_A_SECOND)
        found += [f"memory, {name}"] * (each["peak_mb"] >= MEGABYTES)
        found += [f"seconds, {name}"] * (count >= INDEXED and each["seconds"] >= SECONDS)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="lapel-lite", help="a shipped model; with -int8 at its end, the one in 8 bits"
    )
    parser.add_argument("--photos", type=Path, help="a table or folder of photos; default: drawn ones")
    parser.add_argument("--indexed", type=int, help="photos that lapel index is timed on")
    parser.add_argument("--embedded", type=int, default=96, help="photos a round of `files`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16, help="pictures a call of `network`")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", action="store_true", help=f"also write {JSON.relative_to(JSON.parents[2])}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        count = given.indexed or (INDEXED if given.photos else DRAWN_INDEXED)
        photos = list(read(given.photos or draw_catalogue(scratch / "drawn", count, size=DRAWN)).paths[:count])
        models = ways(given.model, given.threads, given.batch, scratch)
        facts = {"rounds": given.rounds, "batch": given.batch, "threads": given.threads, "indexed": len(photos)}
        result: dict[str, Any] = {"benchmark": "model_cost", "model": models["fp32"].card.fingerprint, **facts}
        result["shared"] = {way: model.at_once for way, model in models.items() if isinstance(model, Passes)}
        result["attributes"] = len(models["fp32"].card.vocabulary)
        result["network"] = network(models, given.batch, given.rounds)
        result["files"] = files(models, photos[: given.embedded], given.rounds)
        names = [name for name in (given.model, f"{given.model}-int8") if name in shipped()]
        result["index"] = {name: indexed(name, photos, scratch) for name in names}
    result["missed"] = over(result, len(photos))
    limits = {"times": TIMES, "photos_a_second": PHOTOS_A_SECOND, "megabytes": MEGABYTES, "seconds": SECONDS}
    text = json.dumps(result | {"limits": limits, "machine": machine()}, indent=1)
    print(text)
    if given.json:
        JSON.write_text(text + "\n")
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
