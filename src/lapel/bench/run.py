"""`lapel bench`: embedding and search measured on this machine, each figure from a stated number of repetitions."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.bench.machine import machine, resident_mb
from lapel.bench.queries import K, measure
from lapel.bench.synthetic import ATTRIBUTES, DIM, synthetic
from lapel.catalogue import DEFAULT_MODEL, Catalogue
from lapel.datasets import read
from lapel.embedding import embed
from lapel.errors import InputError
from lapel.progress import Progress, Quiet
from lapel.runtime import open_model
from lapel.synth import draw_catalogue

PHOTOS, SIDE, ROUNDS = 64, 512, 5
ITEMS, QUERIES, CHECKED = 10_000, 100, 5


@dataclass(frozen=True)
class Bench:
    """What was measured. embedding: photos a second. search: kind -> figures. items, source: what was searched."""

    machine: dict[str, Any]
    embedding: dict[str, Any]
    search: dict[str, dict[str, Any]]
    catalogue: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "machine": self.machine,
            "embedding": self.embedding,
            "catalogue": self.catalogue,
            "search": self.search,
        }


def run_bench(
    catalogue: str | Path | None = None,
    *,
    items: int = ITEMS,
    photos: int = PHOTOS,
    rounds: int = ROUNDS,
    queries: int = QUERIES,
    model: str = DEFAULT_MODEL,
    progress: Progress | None = None,
) -> Bench:
    """Measure embedding with a model and search of a catalogue.

    Args:
        catalogue: one to search; None makes a temporary one of `items` drawn vectors (8 attributes x 128 dims).
        photos: drawn JPEG files of 512 px that are read, prepared and embedded in each of `rounds` rounds.
        queries: timed queries of each kind; 50 hits each, filled with their metadata.
        model: a shipped model's name or an exported folder.
        progress: advanced by one a round and a query.

    Raises:
        InputError: a number below 1, or a catalogue without items.
    """
    for name, number in (("items", items), ("photos", photos), ("rounds", rounds), ("queries", queries)):
        if number < 1:
            raise InputError(f"{name} is {number}; measuring needs at least one.")
    watch = progress or Quiet()
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="lapel-bench-") as name:
        scratch = Path(name)
        embedding = _embedding(scratch, model, photos, rounds, watch)
        before = resident_mb()
        began = time.perf_counter()
        opened = Catalogue.open(catalogue) if catalogue is not None else synthetic(scratch / "drawn.lapel", items)
        made = time.perf_counter() - began
        if len(opened) == 0:
            raise InputError(f"{catalogue} holds no items; index some photos first: lapel index {catalogue} PHOTOS")
        column = "price" if catalogue is None else ""  # of a stranger's columns nothing is known
        search = measure(opened, queries, CHECKED if catalogue is None else 0, column, progress=watch)
        about = _about(opened, catalogue, made) | {"memory_mb": resident_mb() - before}
    return Bench(facts, embedding, search, about)


def _embedding(scratch: Path, model: str, photos: int, rounds: int, watch: Progress) -> dict[str, Any]:
    table = read(draw_catalogue(scratch / "drawn", photos, size=SIDE))
    opened, ids = open_model(model), table.ids
    embed(opened, table.paths, ids)
    speeds = []
    for _ in range(rounds):
        began = time.perf_counter()
        embed(opened, table.paths, ids)
        speeds.append(photos / (time.perf_counter() - began))
        watch.advance()
    return {
        "model": opened.card.name,
        "attributes": len(opened.card.vocabulary),
        "input": [opened.card.preprocess.height, opened.card.preprocess.width],
        "photos_a_second": round(statistics.median(speeds), 1),
        "slowest": round(min(speeds), 1),
        "fastest": round(max(speeds), 1),
        "photos": photos,
        "side": SIDE,
        "rounds": rounds,
    }


def _about(opened: Catalogue, given: str | Path | None, seconds: float) -> dict[str, Any]:
    facts = opened.info()
    return {
        "source": str(given) if given is not None else f"drawn vectors, {ATTRIBUTES} attributes x {DIM} dims",
        "items": facts["items"],
        "attributes": len(facts["attributes"]),
        "hits": K,
        "opened_s" if given is not None else "made_s": round(seconds, 2),
        "disk_mb": round(facts["bytes"] / 1e6),
    }
