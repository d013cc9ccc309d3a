"""What tests of training runs do in several files: stop by Ctrl-C, train in parts, and train by two processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from lapel.training import journal
from lapel.training.experiment import Experiment
from lapel.training.loop import train
from lapel.training.reading import dump
from lapel.training.stopping import Stopped

SCRIPT = """
import sys
from lapel.training import load_recipe
from lapel.training.loop import train
train(load_recipe(sys.argv[1]), sys.argv[2])
"""


@contextmanager
def stopped_at(epoch: int, step: int) -> Iterator[pytest.ExceptionInfo[Stopped]]:
    """Ctrl-C after this step of what is trained inside; the run must end as stopped."""
    plain = journal.Journal.step

    def pressed(self: Any, place: Any, result: Any, progress: Any) -> None:
        plain(self, place, result, progress)
        if (place.epoch, place.step) == (epoch, step):
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped) as stop:
        patch.setattr(journal.Journal, "step", pressed)
        yield stop


def train_in_parts(recipe: Experiment, folder: Path, epoch: int = 2, step: int = 2) -> Path:
    """Train a recipe whole, and again with a stop after this step; both must end with the same weights. The whole run."""
    whole = train(recipe, folder / "whole")
    with stopped_at(epoch, step):
        train(recipe, folder / "parts")
    parts = train(recipe, folder / "parts", resume=True)
    one, other = (load_file(run / "best.safetensors") for run in (whole, parts))
    assert one.keys() == other.keys() and all(bool((one[key] == other[key]).all()) for key in one)
    return whole


def train_by_two(recipe: Experiment, folder: Path) -> Path:
    """Train a recipe by two processes, as torchrun starts them; the run, in `folder`/two."""
    (folder / "recipe.yaml").write_text(dump(recipe))
    (folder / "script.py").write_text(SCRIPT)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += [str(folder / "script.py"), str(folder / "recipe.yaml"), str(folder / "two")]
    done = subprocess.run(
        words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "two"


def losses(run: Path) -> list[float]:
    """The training loss of each logged step."""
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [row["loss"] for row in rows if row["kind"] == "train"]
