"""Fine-tuning against training from ImageNet, stopped after the same seconds of training, on clothing-attributes.

    lapel train lapel-lite --set data=FOLDER --set sets=permissive --out START
    python benchmarks/finetune.py --data FOLDER --start START

START must not have learnt from clothing-attributes; its card is asked. Both runs have one thread, read the same photos
from an empty cache of their own, and are scored on the test split. Seconds are of the processor, not of the clock, so
that other work on the machine changes little; scoring epochs and fitting values at the end are left out of both.
`finetune` goes first. Two short runs of `clothing-attributes/asen_v2` then say what its preparation and a step cost,
which gives the number of steps that fit into the same time; its schedule is made for that number, so that it ends as a
run of its own would. Writes benchmarks/results/finetune.json and prints the table of docs/training.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lapel.datasets import read
from lapel.evaluation.photos import evaluate
from lapel.export import load_card, load_model
from lapel.images import ImageCache
from lapel.training import load_recipe
from lapel.training.attributes import AttributeStage
from lapel.training.loop import train
from lapel.training.tuning import checkpoint_of

SET = "clothing-attributes"
OUT = Path(__file__).resolve().parent / "results" / "finetune.json"
SHORT, LONG = 2, 8
"""Steps of the two runs that measure a step."""


class Clock:
    """Processor seconds of a training, without scoring and fitting."""

    def __init__(self) -> None:
        self.left_out = 0.0

    def __enter__(self) -> Clock:
        self.kept = AttributeStage.score, AttributeStage.finish
        AttributeStage.score = self._around(AttributeStage.score)  # type: ignore[method-assign]
        AttributeStage.finish = self._around(AttributeStage.finish)  # type: ignore[method-assign]
        self.began = time.process_time()
        return self

    def __exit__(self, *stop: object) -> None:
        self.seconds = time.process_time() - self.began - self.left_out
        AttributeStage.score, AttributeStage.finish = self.kept  # type: ignore[method-assign]

    def _around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            began = time.process_time()
            try:
                return method(*args)
            finally:
                self.left_out += time.process_time() - began

        return timed


def main() -> None:
    """Train both, score both, write the file, print the table."""
    args = _arguments()
    start = str(checkpoint_of(str(args.start)))
    if SET in (seen := [str(source.get("name")) for source in load_card(start).learnt_from]):
        raise SystemExit(f"{args.start} has learnt from {', '.join(seen)}: a start must not have seen {SET}.")
    common = [f"data={args.data / SET}", "running.threads=1", "data.workers=1"]
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch)
        names = load_recipe(f"{SET}/asen_v2").data.attributes  # type: ignore[union-attr]
        tune = [f"model.tune={start}", f"data.attributes={json.dumps(list(names))}", f"sampling.views={args.views}"]
        epochs = int(load_recipe("finetune").optimiser.epochs)
        fine = _run("finetune", [*common, *tune, f"evaluation.every={epochs}"], room / "finetune")
        fresh = [*common, "optimiser.epochs=1"]
        limited = [*fresh, "data.limit=96"]
        few, more = (_run(f"{SET}/asen_v2", [*limited, f"sampling.steps={n}"], room / f"{n}") for n in (SHORT, LONG))
        step = (more - few) / (LONG - SHORT)
        steps = max(1, math.ceil((fine - (few - SHORT * step)) / step))
        plain = _run(f"{SET}/asen_v2", [*fresh, f"sampling.steps={steps}", "optimiser.warmup=10"], room / "imagenet")
        found = {"finetune": fine, "imagenet": plain}
        runs = {name: _scored(room / name, args.data / SET) | {"seconds": round(s, 1)} for name, s in found.items()}
    runs["imagenet"]["steps"] = steps
    card = load_card(start)
    result = {"start": {"name": card.name, "fingerprint": card.fingerprint, "learnt_from": seen}, "runs": runs}
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(_table(runs))


def _run(recipe: str, overrides: list[str], folder: Path) -> float:
    os.environ["LAPEL_CACHE"] = str(folder.with_name(f"{folder.name}-cache"))
    with Clock() as clock:
        train(load_recipe(recipe, overrides), folder)
    return clock.seconds


def _scored(run: Path, data: Path) -> dict[str, Any]:
    model = load_model(run)
    found = evaluate(model, read(data), cache=ImageCache.for_model(model.card.preprocess))
    keys = ("map", "low", "high", "chance")
    each = {name: {key: round(getattr(s, key), 2) for key in keys} for name, s in found.attributes.items()}
    overall = {"mean": found.mean, "overall": found.overall, "low": found.low, "high": found.high}
    return {key: round(value, 2) for key, value in overall.items()} | {"attributes": each}


def _table(runs: dict[str, Any]) -> str:
    fine, plain = runs["finetune"], runs["imagenet"]
    lines = ["| MAP on the test split, % | fine-tuned | from ImageNet | chance |", "|---|---|---|---|"]
    for name, one in fine["attributes"].items():
        other = plain["attributes"][name]
        cells = (f"{f['map']:.1f} ({f['low']:.1f} to {f['high']:.1f})" for f in (one, other))
        lines.append(f"| {name} | {' | '.join(cells)} | {one['chance']:.1f} |")
    lines.append(f"| mean | {fine['mean']:.1f} | {plain['mean']:.1f} | |")
    return "\n".join([*lines, f"| processor seconds | {fine['seconds']:.0f} | {plain['seconds']:.0f} | |"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
