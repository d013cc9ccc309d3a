"""Photos a second from JPEG files to all attributes' embeddings: ONNX in 32 and 8 bits, PyTorch in fp32 and bf16.

    python benchmarks/embed_speed.py [--model RUN] [--int8 FOLDER] [--photos FOLDER] [--rounds 5]

Without a model: ASENet_V2 with eight attributes on EfficientNet-Lite0 at 224 x 168, ImageNet's weights under an
untrained head. Without photos: 96 drawn ones of 512 px. Reading, preparing and embedding are all counted (two reading
threads).
`pass_per_attribute` is PyTorch fp32 with one backbone pass for each attribute, which is how the published code embeds.
The ways take turns in every round and their order rotates; a ratio is the median of the rounds' ratios to
`pass_per_attribute`, so that other work on the machine hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from lapel.datasets import read
from lapel.embedding import embed
from lapel.errors import ModelError
from lapel.export import run_checkpoint
from lapel.export.exporting import export_checkpoint
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.models.backbones import PACKAGED
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.runtime import OnnxModel
from lapel.schema import Floats, Model, Outputs, Preprocess, Vocabulary
from lapel.synth import draw_catalogue

ATTRIBUTES, VALUES, PHOTOS = 8, 6, 96
BASE = "pass_per_attribute"
HALF = (0.5, 0.5, 0.5)


class PassPerAttribute(TorchModel):
    """The same embeddings by K passes."""

    def __call__(self, pixels: Floats) -> Outputs:
        """Embeddings alone."""
        batch = torch.from_numpy(pixels).to(memory_format=torch.channels_last)
        count = len(pixels)
        with torch.inference_mode():
            asked = range(len(self.card.vocabulary))
            parts = [self.model.embed(batch, torch.full((count,), k)).numpy() for k in asked]
        none = np.zeros((count, 0), np.float32)
        return Outputs(np.stack(parts, axis=1), none, none, none)


def untrained(folder: Path) -> Path:
    """A checkpoint of the model that stands in when none is given."""
    torch.manual_seed(0)
    card = new_card(
        name="untrained",
        system="asen_v2",
        backbone="efficientnet_lite0",
        vocabulary=Vocabulary.of({f"attribute {k}": map(str, range(VALUES)) for k in range(ATTRIBUTES)}),
        preprocess=Preprocess(224, 168, "stretch", 224, mean=HALF, std=HALF),
        weights=PACKAGED,
        dim=128,
        look_dim=256,
        hidden=256,
    )
    checkpoint.save(folder / "untrained.safetensors", build(card, PACKAGED), card)
    return folder / "untrained.safetensors"


def models(source: Path, int8: Path | None, photos: list[Path], scratch: Path) -> dict[str, Model]:
    """Every way to embed, by name; 8 bits are left out when the model does not stand them."""
    net, card = checkpoint.load(source)
    export_checkpoint(source, scratch / "fp32", sample=photos)
    found: dict[str, Model] = {
        BASE: PassPerAttribute(net, card),
        "torch_fp32": TorchModel(net, card),
        "torch_bf16": TorchModel(net, card, precision="bf16"),
        "onnx_fp32": OnnxModel(scratch / "fp32"),
    }
    try:
        if int8 is None:
            export_checkpoint(source, scratch / "int8", int8=True, sample=photos)
        found["onnx_int8"] = OnnxModel(int8 or scratch / "int8")
    except ModelError as error:
        print(error, file=sys.stderr)
    return found


def timed(ways: dict[str, Model], photos: list[Path], batch: int, rounds: int) -> list[dict[str, float]]:
    """Seconds of each way in each round, after one round that does not count."""
    names, ids, found = list(ways), [str(n) for n in range(len(photos))], []
    for turn in range(rounds + 1):
        seconds = {}
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            embed(ways[name], photos, ids, batch=batch)
            seconds[name] = time.perf_counter() - start
        found.append(seconds)
    return found[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a run folder or a checkpoint")
    parser.add_argument("--int8", type=Path, help="a folder that lapel export --int8 wrote of the same model")
    parser.add_argument("--photos", type=Path, help="a table or folder of photos")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        source = run_checkpoint(given.model) if given.model else untrained(scratch)
        table = read(given.photos or draw_catalogue(scratch / "drawn", PHOTOS, size=512))
        photos = list(table.paths[:PHOTOS])
        ways = models(source, given.int8, photos, scratch)
        rounds = timed(ways, photos, given.batch, given.rounds)
        card = ways[BASE].card
        sizes = {way: round((folder / "model.onnx").stat().st_size / 1e6, 1) for way, folder in onnx_folders(ways)}
    speed = {way: round(len(photos) / statistics.median(turn[way] for turn in rounds), 1) for way in ways}
    ratios = {way: round(statistics.median(turn[BASE] / turn[way] for turn in rounds), 2) for way in ways}
    facts = {"photos": len(photos), "batch": given.batch, "rounds": given.rounds, "cores": os.cpu_count()}
    asked = {
        "model": card.name,
        "attributes": len(card.vocabulary),
        "input": [card.preprocess.height, card.preprocess.width],
    }
    result = {
        "benchmark": "embed_speed",
        **asked,
        **facts,
        "photos_a_second": speed,
        "times_pass_per_attribute": ratios,
    }
    print(json.dumps(result | {"megabytes": sizes}, indent=1))


def onnx_folders(ways: dict[str, Model]) -> list[tuple[str, Path]]:
    return [(name, way.folder) for name, way in ways.items() if isinstance(way, OnnxModel)]


if __name__ == "__main__":
    main()
