"""`kill -9` in mid-epoch, then --resume: the weights are those of a run that was never killed, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from lapel.models import checkpoint  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.reading import dump  # noqa: E402
from training_data import BATCHES  # noqa: E402

RUN = "import sys; from lapel.training import load_recipe; from lapel.training.loop import train; "
RUN += "train(load_recipe(sys.argv[1]), sys.argv[2])"


LOCAL = "{backbone: test_resnet, weights: random, height: 32, width: 32, options: {hidden: 8}}"
TWO_STAGES = (
    "model={system: asenpp, backbone: test_resnet, weights: random, height: 32, width: 32, dim: 24, look_dim: 8, "
    "options: {hidden: 16, attribute_dim: 16}}",
    f"stages=[{{optimiser: {{epochs: 1}}}}, {{optimiser: {{epochs: 1}}, model: {{local: {LOCAL}}}}}]",
)


@pytest.mark.parametrize(("more", "inside"), [((), "."), pytest.param(TWO_STAGES, "stage-2", marks=pytest.mark.slow)])
def test_a_killed_run_resumed_ends_with_the_same_weights(tiny_recipe, tmp_path, more, inside):
    """Of one stage, and of two, killed in the second."""
    recipe = tiny_recipe(BATCHES.replace("steps: 4", "steps: 25"), "running.checkpoint_steps=3", *more)
    file, killed = tmp_path / "recipe.yaml", tmp_path / "killed"
    file.write_text(dump(recipe))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(file), str(killed)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    metrics = killed / inside / "metrics.jsonl"
    deadline = time.monotonic() + 240
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) >= 8):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    place = checkpoint.read(killed / inside / "last.safetensors").info
    assert place["epoch"] == 1 and 0 < place["step"] < 25, "killed in mid-epoch, after a checkpoint"
    first = killed / "stage-1" / "last.safetensors"
    finished = first.stat().st_mtime_ns if more else None

    train(recipe, killed, resume=True)
    whole = train(recipe, tmp_path / "whole")
    for name in (f"{inside}/last.safetensors", "best.safetensors"):
        one, other = load_file(killed / name), load_file(whole / name)
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert finished is None or first.stat().st_mtime_ns == finished, "a stage that was finished is not run again"
