"""Milliseconds of a composed query with the light model: a photo's JPEG bytes and a text, to the vector to search with.

    python benchmarks/composed_query.py [--model lapel-lite] [--threads 2] [--rounds 30]

`picture`: bytes to all of a photo's embeddings, without words. `picture and text`: the same, then the change by words.
`text`: words alone. The three take turns in every round, each with a photo and a text of its own round, so that other
work on the machine hits all alike; the median of the rounds is told, by the clock and in processor time.
Writes results/composed_query.json; exit 1 when a picture and a text take 150 ms of processor time or more.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from lapel.datasets import read
from lapel.export import load_model
from lapel.schema import Model, Outputs, TextModel
from lapel.search.photo import embed_photos, read_photo
from lapel.synth import draw_catalogue

LIMIT, PHOTOS = 150.0, 8
TEXTS = ("but in red", "with long sleeves", "for women", "but in navy blue and for men", "in black and longer")
RESULTS = Path(__file__).parent / "results" / "composed_query.json"


def photos(folder: Path) -> list[bytes]:
    """JPEG files of drawn garments, 512 pixels wide."""
    found = []
    for path in read(draw_catalogue(folder / "drawn", PHOTOS, seed=1, size=512)).paths:
        file = io.BytesIO()
        with Image.open(path) as picture:
            picture.convert("RGB").save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


def measure(model: Model, files: list[bytes], rounds: int) -> dict[str, dict[str, float]]:
    """Way -> median milliseconds by the clock and of processor time."""
    assert isinstance(model, TextModel)
    speaking: TextModel = model

    def seen(content: bytes) -> Outputs:
        return embed_photos(model, [read_photo(content, model.card)])

    ways: dict[str, Callable[[bytes, str], object]] = {
        "picture": lambda content, text: seen(content),
        "picture and text": lambda content, text: speaking.compose(seen(content), [text]),
        "text": lambda content, text: speaking.encode_text([text]),
    }
    clock: dict[str, list[float]] = {name: [] for name in ways}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for at in range(-2, rounds):  # the first two do not count
        for name, way in ways.items():
            began, busy = time.perf_counter(), time.process_time()
            way(files[at % len(files)], TEXTS[at % len(TEXTS)])
            clock[name].append(1000 * (time.perf_counter() - began))
            spent[name].append(1000 * (time.process_time() - busy))
    return {name: {"ms": _middle(clock[name]), "processor_ms": _middle(spent[name])} for name in ways}


def _middle(times: list[float]) -> float:
    return round(statistics.median(times[2:]), 1)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", default="lapel-lite")
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--rounds", type=int, default=30)
    given = asked.parse_args()
    model = load_model(given.model, threads=given.threads)
    with tempfile.TemporaryDirectory() as place:
        ways = measure(model, photos(Path(place)), given.rounds)
    found = {"model": model.card.name, "threads": given.threads, "rounds": given.rounds, "load": os.getloadavg()[0]}
    print(json.dumps(found | ways, indent=1))
    RESULTS.write_text(json.dumps(found | ways, indent=1) + "\n", encoding="utf-8")
    return 0 if ways["picture and text"]["processor_ms"] < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
