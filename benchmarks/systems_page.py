"""Write docs/systems.md: every attribute system, trained under one budget on one backbone, against ASENet_V2.

    python benchmarks/systems_page.py RESULTS [--runs RUNS --data FOLDER]

RESULTS holds `<data>--<system>.json`, as `lapel evaluate RUN DATA --json FILE` writes them. With `--runs`, a folder of
runs called `<data>-<system>` (or `ca-`, `fp-`), each run also embeds 64 test photos from `--data`, the systems taking
turns in every round: milliseconds a photo (median of rounds, PyTorch float32, two threads) and resident memory of a
process that does nothing else. Times go to benchmarks/results/systems.json and are read from there without `--runs`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lapel.bench.machine import peak_bytes
from lapel.compare import compare
from lapel.evaluation.record import Evaluation

ROOT = Path(__file__).resolve().parent.parent
TIMES = ROOT / "benchmarks" / "results" / "systems.json"
BASE = "asen_v2"
SYSTEMS = {
    "triplet": "Triplet",
    "csn": "CSN",
    "asen": "ASEN",
    "asen_v2": "ASENet_V2",
    "asen_v2_gd": "+GD",
    "asenpp": "ASEN++",
    "rpf": "RPF-small",
}
DATA = {"clothing-attributes": "ca", "fashion-products": "fp"}
PHOTOS, ROUNDS = 64, 3
HEAD = """# Every attribute system, one budget, one backbone

Written by `python benchmarks/systems_page.py RESULTS`; nothing here is typed by hand. Protocol `each-against-rest` on
the test split; MAP in percent with a 95 % bootstrap interval over queries ([how](evaluation.md)). Every system starts
from the same ImageNet weights of EfficientNet-Lite0 and sees each training photo equally often: 7 times on
clothing-attributes, 2 times on fashion-products; those of two stages split these (4 + 3, 1 + 1). Recipes of these
names, seed 1, the best epoch on the valid split, our batch mode; two shared CPU cores, no GPU. RPF-small: the
patch branch is a ViT of 4 layers from random weights, not the paper's ViT-B/16, so its row says nothing of RPF itself.

**Bold**: better than ASENet_V2, the 95 % interval of a paired bootstrap excludes 0. *Italics*: worse, likewise. The
others cannot be told apart from it here. No correction for the number of attributes.
"""


def main() -> None:
    """Read, compare, time where asked, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        print(json.dumps(resident(given.memory, given.data)))
        return
    if given.runs:
        TIMES.write_text(json.dumps({name: timed(given, name) for name in DATA}, indent=1))
    times = json.loads(TIMES.read_text()) if TIMES.is_file() else {}
    parts = [HEAD]
    for data in DATA:
        files = {system: given.results / f"{data}--{system}.json" for system in SYSTEMS}
        found = {system: Evaluation.load(path) for system, path in files.items() if path.is_file()}
        parts += [f"## {data}\n", table(found, times.get(data, {})), said(found)]
    (ROOT / "docs" / "systems.md").write_text("\n".join(parts))


def table(found: dict[str, Evaluation], times: dict[str, Any]) -> str:
    """One line an attribute, one column a system; then means, time and memory."""
    against = {system: compare(found[BASE], e).to_dict() for system, e in found.items() if system != BASE}
    names = list(found[BASE].attributes)
    lines = ["| attribute | " + " | ".join(SYSTEMS[s] for s in found) + " |", "|---" * (len(found) + 1) + "|"]
    for name in names:
        cells = []
        for system, evaluation in found.items():
            score = evaluation.attributes[name]
            cells.append(
                f"{marked(score.map, against.get(system, {}).get('attributes', {}).get(name))} "
                f"({score.low:.1f} to {score.high:.1f})"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    means = [f"{sum(e.attributes[n].map for n in names) / len(names):.1f}" for e in found.values()]
    lines.append("| **mean over attributes** | " + " | ".join(means) + " |")
    overall = [marked(e.overall, against.get(s, {}).get("overall")) for s, e in found.items()]
    lines.append("| over all queries | " + " | ".join(overall) + " |")
    if times:
        for key, title in (("milliseconds", "ms a photo"), ("megabytes", "memory, MB")):
            lines.append(f"| {title} | " + " | ".join(str(times[s][key]) if s in times else "" for s in found) + " |")
    return "\n".join(lines) + "\n"


def marked(value: float, difference: dict[str, Any] | None) -> str:
    """Bold or italic by what the paired comparison says."""
    text = f"{value:.1f}"
    if difference is None:
        return text
    return f"**{text}**" if difference["low"] > 0 else f"*{text}*" if difference["high"] < 0 else text


def said(found: dict[str, Evaluation]) -> str:
    """Each published improvement in a sentence: does it appear at this scale?"""
    lines = []
    for system in ("asen_v2_gd", "asenpp", "rpf"):
        if system not in found:
            lines.append(f"{SYSTEMS[system]} was not run.")
            continue
        overall = compare(found[BASE], found[system]).to_dict()["overall"]
        verdict = (
            "appears"
            if overall["low"] > 0
            else "does not appear; it is worse"
            if overall["high"] < 0
            else "does not appear"
        )
        lines.append(
            f"{SYSTEMS[system]} against ASENet_V2 over all queries: {overall['difference']:+.1f} points "
            f"({overall['low']:+.1f} to {overall['high']:+.1f}); the published improvement {verdict} at this scale."
        )
    return "\n".join(f"- {line}" for line in lines) + "\n"


def timed(given: argparse.Namespace, data: str) -> dict[str, dict[str, float]]:
    """Milliseconds and megabytes of each system's run."""
    import torch

    torch.set_num_threads(2)
    runs = {system: path for system in SYSTEMS if (path := run_of(given.runs, data, system)) is not None}
    ways = {system: embedding(path, given.data / data) for system, path in runs.items()}
    found: dict[str, list[float]] = {system: [] for system in ways}
    for turn in range(ROUNDS + 1):
        for system, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                found[system].append(1000 * (time.perf_counter() - start) / PHOTOS)
    return {
        system: {
            "milliseconds": round(statistics.median(values), 1),
            "megabytes": memory(runs[system], given.data / data),
        }
        for system, values in found.items()
    }


def run_of(runs: Path, data: str, system: str) -> Path | None:
    """The run's folder, under its long or its short name."""
    return next((p for head in (data, DATA[data]) if (p := runs / f"{head}-{system}").is_dir()), None)


def embedding(run: Path, data: Path) -> Any:
    """A call that embeds the photos from files to everything the model gives."""
    from lapel.datasets import read
    from lapel.embedding import embed
    from lapel.export import load_model

    model, items = load_model(run), read(data).split("test")
    paths, ids = items.paths[:PHOTOS], items.ids[:PHOTOS]
    return lambda: embed(model, paths, ids, batch=16)


def memory(run: Path, data: Path) -> float:
    """Peak resident megabytes of a process that embeds the photos."""
    command = [sys.executable, __file__, ".", "--memory", str(run), "--data", str(data)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "2"}
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def resident(run: Path, data: Path) -> float:
    """What `memory` asks of its child."""
    embedding(run, data)()
    return round(peak_bytes() / 2**20)


if __name__ == "__main__":
    main()
