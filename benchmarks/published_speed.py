"""The published attribute systems against a plain implementation of what their published code does, in one run.

    python benchmarks/published_speed.py [--rounds 5] [--systems asen_v2 asenpp] [--clock processor] [--json]

`plain` (benchmarks/plain, written from the papers' code as described in docs/published-systems.md) makes one pass for
each photo and attribute, reads and prepares the photo for each again, takes each role of a triplet in a forward of its
own (five for GD), cuts crops in a loop in the main thread, and keeps tensors contiguous. `ours` is what `lapel index`
and `lapel train` run. Same weights, same photos (drawn, 400 px, JPEG), same triplets; two threads, fp32; `bf16` is ours
under autocast, apart. Gallery: from files to the embeddings of eight attributes. Training: from files to the updated
weights; equal work there, too: the loss is that of the published batch statistics, role by role.

The ways take turns in every round and their order rotates; a ratio is the median of the rounds' ratios, so that other
work on the machine hits all alike. The difference of two embeddings must be no longer than 1e-4, and losses must agree
within 1e-3, or the comparison is void; a crop that moves by a pixel because its map was rounded otherwise is counted
apart. Every system runs in a child process; memory is what each further photo of a batch adds to the peak of a child
that does nothing else.

The ceiling is plain's multiply-adds over ours: what sharing passes can save at most if nothing else were faster.
Exit 1 over a limit: ASENet_V2's gallery at least 6 times as fast, ASEN++'s at least 2.5.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lapel.bench.machine import peak_bytes
from lapel.synth import draw_catalogue
from plain.sides import ATTRIBUTES, BATCHES, SYSTEMS, WAYS, Sides

LIMITS = {"asen_v2": 6.0, "asenpp": 2.5}
EMBEDDING, LOSS, MOVED = 1e-4, 1e-3, 0.02
DRAWN, SIDE = 48, 400
"""Below 448 px: of greater JPEG files ours, as Pillow can, decodes at half size, and pixels would differ."""
FACTS = ("rounds", "photos", "batch", "triplets", "threads", "clock")
JSON = Path(__file__).parent / "results" / "published_speed.json"


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def timed(work: Callable[[str], object], rounds: int, clock: Callable[[], float]) -> list[dict[str, float]]:
    """Seconds of each way in each round, after one round that does not count."""
    found = []
    for turn in range(rounds + 1):
        at, seconds = turn % len(WAYS), {}
        for way in WAYS[at:] + WAYS[:at]:
            start = clock()
            work(way)
            seconds[way] = clock() - start
        found.append(seconds)
    return found[1:]


def summary(rounds: list[dict[str, float]], photos: int) -> dict[str, Any]:
    ratio = {way: statistics.median(turn["plain"] / turn[way] for turn in rounds) for way in WAYS[1:]}
    each = {way: round(1000 * statistics.median(turn[way] for turn in rounds) / photos, 1) for way in WAYS}
    return {"ms_a_photo": each, "times": round(ratio["ours"], 2), "times_bf16": round(ratio["bf16"], 2)}


def gallery(sides: Sides, given: argparse.Namespace) -> dict[str, Any]:
    """Time, agreement and multiply-adds of embedding photos under all attributes."""
    want, have = (sides.gallery(way, sides.paths, given.batch) for way in WAYS[:2])
    apart = (want - have).norm(dim=2)
    moved = (apart > EMBEDDING).float().mean().item()
    same = apart[apart <= EMBEDDING].max().item() if moved < 1 else float("nan")
    cuts = sides.stage.card.crops is not None
    if moved > (MOVED if cuts else 0):
        raise SystemExit(f"The two sides disagree: {moved:.1%} of the embeddings by more than {EMBEDDING:g}.")
    rounds = timed(lambda way: sides.gallery(way, sides.paths, given.batch), given.rounds, CLOCKS[given.clock])
    found = summary(rounds, len(sides.paths))
    count = len(ATTRIBUTES)
    work = {way: round(sides.operations(way), 2) for way in ("plain", "ours")}
    passes = {"plain": [count, count * cuts], "ours": [1, count * cuts]}
    extra = {"greatest_difference": same, "crops_a_pixel_apart": round(moved, 4)}
    cost = {
        "passes_global_local": passes,
        "giga_multiply_adds": work,
        "ceiling": round(work["plain"] / work["ours"], 2),
    }
    return found | extra | cost


def train(sides: Sides, given: argparse.Namespace) -> dict[str, Any]:
    """Time and agreement of training steps; the first losses are compared, before any update."""
    first = {way: sides.train(way)[0] for way in ("plain", "ours")}
    apart = abs(first["plain"] - first["ours"])
    if apart > LOSS:
        raise SystemExit(f"The two sides disagree: losses {first} of the same triplets and weights.")
    found = summary(timed(sides.train, given.rounds, CLOCKS[given.clock]), 3 * given.triplets * BATCHES)
    return found | {"loss": first["ours"], "loss_difference": apart}


def memory(sides: Sides, task: str, way: str, given: argparse.Namespace) -> dict[str, Any]:
    """MB that a photo adds: the peak of a batch of two, then of a full one."""
    peaks, sizes = [], (2, given.batch if task == "gallery" else given.triplets)
    for size in sizes:
        sides.resize(size)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is resident now
        sides.gallery(way, sides.paths[:size], size) if task == "gallery" else sides.train(way)
        peaks.append(peak_bytes() / 2**20)
    photos = (sizes[1] - sizes[0]) * (1 if task == "gallery" else 3)
    return {"mb_a_photo": round((peaks[1] - peaks[0]) / photos, 1), "peak_mb": round(peaks[1])}


def child(system: str, task: str, way: str | None, given: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(given.threads)
    os.environ["LAPEL_CACHE"] = str(given.folder / "cache")
    small = way is not None
    sides = Sides(system, given.folder / "drawn", given.photos, 2 if small else given.triplets)
    if way is not None:
        return memory(sides, task, way, given)
    return gallery(sides, given) if task == "gallery" else train(sides, given)


def ask(given: argparse.Namespace, *asked: str) -> dict[str, Any]:
    """What a child process found."""
    numbers = [f"--{name}={getattr(given, name)}" for name in FACTS]
    command = [sys.executable, __file__, "--child", *asked, *numbers, f"--folder={given.folder}"]
    print(" ".join(asked), file=sys.stderr, flush=True)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": str(given.threads)}
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(asked)}: the child process failed, see above.")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def measure(system: str, given: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for task in given.tasks:
        found[task] = ask(given, system, task)
        for way in () if given.no_memory else WAYS:
            found[task].setdefault("memory", {})[way] = ask(given, system, task, way)
    return found


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"rounds": 5, "photos": 16, "batch": 16, "triplets": 6, "threads": 2}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--tasks", nargs="+", default=("gallery", "train"), choices=("gallery", "train"))
    clock = "what times are taken by: processor time suits a machine with other work, on one thread"
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall", help=clock)
    parser.add_argument("--no-memory", action="store_true", help="leave out the children that measure memory")
    parser.add_argument("--json", action="store_true", help=f"also write {JSON.relative_to(JSON.parents[2])}")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    given = parsed()
    if given.child:
        system, task, *way = given.child
        print(json.dumps(child(system, task, way[0] if way else None, given)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        given.folder = Path(scratch)
        draw_catalogue(given.folder / "drawn", DRAWN, size=SIDE)
        systems = {system: measure(system, given) for system in given.systems}
    over = [
        name
        for name, least in LIMITS.items()
        if systems.get(name, {}).get("gallery", {"times": least})["times"] < least
    ]
    facts = {name: getattr(given, name) for name in FACTS}
    facts |= {"attributes": len(ATTRIBUTES), "photo_side": SIDE, "cores": os.cpu_count(), "torch": torch.__version__}
    result = {"benchmark": "published_speed", **facts, "systems": systems, "limits": LIMITS, "passed": not over}
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        JSON.write_text(text + "\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
