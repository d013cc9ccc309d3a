"""The benchmark of the style classifier runs whole on a tiny table, and its probe is a logistic regression."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training_data import tiny_set  # noqa: E402

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "style.py"


@pytest.mark.slow
def test_it_runs_whole_and_writes_figures_and_a_picture_without_photos(tmp_path: Path) -> None:
    folder = tiny_set(tmp_path / "shop", count=72, extra={"usage": ("Casual", "Casual", "Sports")})
    out, picture = tmp_path / "style.json", tmp_path / "style.svg"
    asked = [
        "--data",
        str(folder),
        "--quick",
        "--out",
        str(out),
        "--picture",
        str(picture),
        "--run",
        str(tmp_path / "r"),
    ]
    done = subprocess.run([sys.executable, str(SCRIPT), *asked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert set(found["rows"]) == {"style", "linear probe", "linear probe, classes weighted evenly", "constant"}
    for row in found["rows"].values():
        low, high = row["top1_interval"]
        assert low <= row["top1"] <= high and row["figures"]["classes"]["Casual"]["support"] > 0
    constant = found["rows"]["constant"]
    assert constant["top1"] == pytest.approx(constant["figures"]["constant"], abs=0.01)
    assert constant["macro_f1"] == pytest.approx(constant["figures"]["constant_f1"], abs=0.01)
    drawing = picture.read_text()
    assert drawing.startswith("<svg") and "xmlns=" in drawing and "<image" not in drawing and "Sports" in drawing


def test_the_probe_finds_the_least_regularised_cross_entropy() -> None:
    script = runpy.run_path(str(SCRIPT))
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(80, 3))), rng.integers(0, 3, 80)
    for balanced in (False, True):
        found = script["_fit"](x, y, 3, 0.01, balanced)
        inputs = np.concatenate([x.numpy(), np.ones((80, 1))], axis=1)
        logits = inputs @ found.numpy().T
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        weight = 1 / np.bincount(y)[y] if balanced else np.ones(80)
        slope = ((shares - np.eye(3)[y]) * weight[:, None] / weight.sum()).T @ inputs
        slope[:, :3] += 0.02 * found.numpy()[:, :3]
        assert np.abs(slope).max() < 1e-4
