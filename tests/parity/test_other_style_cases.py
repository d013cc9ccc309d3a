"""Style cases of other sizes than the golden ones, with numbers computed by plain loops; and contradictory ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.parity import fill  # noqa: E402
from lapel.parity.running import run_case  # noqa: E402
from parity_cases import write_case  # noqa: E402


def head_case(folder: Path, scale: float = 16.0, margin: float = 0.3, **changes: Any) -> None:
    """Five classes in eight dimensions, in float64, photos pulled to and from their class."""
    inputs: dict[str, Any] = {
        "features": {"kind": "randn", "seed": 5, "shape": [7, 8], "dtype": "float32"},
        "labels": {"kind": "randint", "low": 0, "high": 5, "seed": 6, "shape": [7]},
        "pull": {"kind": "values", "values": [-9.0, -2.0, 0.0, 1.0, 3.0, 8.0, 90.0], "dtype": "float32"},
    }
    state = [["weight", [5, 8], "float32"]]
    weight = fill.state(state, {})["weight"].double()
    labels = fill.tensor(inputs["labels"])
    features = fill.tensor(inputs["features"]).double() + weight[labels] * fill.tensor(inputs["pull"]).double()[:, None]
    cosine, logits, easy = np.zeros((7, 5)), np.zeros((7, 5)), np.zeros((7, 5))
    for b in range(7):
        for c in range(5):
            value = float(features[b] @ weight[c] / features[b].norm() / weight[c].norm())
            cosine[b, c] = value
            moved = math.cos(math.acos(value) + margin)
            true = c == int(labels[b])
            hard = moved if value > math.cos(math.pi - margin) else value - margin * math.sin(math.pi - margin)
            logits[b, c] = scale * (hard if true else value)
            easy[b, c] = scale * (moved if true and value > 0 else value)
    facts = {"runner": "arc_head", "dtype": "float64", "state": state, "inputs": inputs}
    facts |= {"constructor": {"s": scale, "m": margin}}
    write_case(folder, "head", facts | changes, {"cosine": cosine, "logits": logits, "logits_easy": easy})


def metrics_case(folder: Path, **changes: Any) -> None:
    """Six classes, of which one is never predicted and hardly held; top-1, 3 and 6."""
    inputs = {
        "scores": {"kind": "randn", "seed": 1, "shape": [50, 6], "dtype": "float32"},
        "labels": {"kind": "randint", "low": 0, "high": 6, "seed": 2, "shape": [50]},
    }
    scores, labels = fill.tensor(inputs["scores"]).tolist(), fill.tensor(inputs["labels"]).tolist()
    order = [sorted(range(6), key=lambda c: -row[c]) for row in scores]
    share = {k: 100 * sum(t in o[:k] for o, t in zip(order, labels, strict=True)) / 50 for k in (1, 3, 6)}
    rows = []
    for c in range(6):
        hits = sum(o[0] == t == c for o, t in zip(order, labels, strict=True))
        named, held = sum(o[0] == c for o in order), labels.count(c)
        p, r = hits / named if named else 0.0, hits / held if held else 0.0
        rows.append([p, r, 2 * p * r / (p + r) if p + r else 0.0, held])
    table = np.array(rows)
    weighted = (table[:, :3] * table[:, 3:]).sum(0) / 50
    report = np.vstack([table, [*table[:, :3].mean(0), 50], [*weighted, 50]])
    expected = {f"top{k}": np.array([value]) for k, value in share.items()}
    expected |= {"macro": 100 * table[:, :3].mean(0), "per_class": 100 * table[:, :3].T, "report": report}
    expected["report_accuracy"] = np.array(share[1] / 100)
    facts = {"runner": "style_metrics", "classes": list("abcdef"), "inputs": inputs}
    write_case(folder, "metrics", facts | changes, expected)


def test_other_sizes_scales_and_margins_pass(tmp_path: Path) -> None:
    head_case(tmp_path)
    metrics_case(tmp_path)
    for name in ("head", "metrics"):
        result = run_case(tmp_path, name)
        assert result.status == "pass", result.reason


@pytest.mark.parametrize(
    ("make", "name", "changes"),
    [
        (head_case, "head", {"constructor": {"s": 16.0, "m": 0.31}}),
        (head_case, "head", {"inputs": {"features": {"kind": "randn", "seed": 5, "shape": [7, 8]}}}),
        (metrics_case, "metrics", {"classes": list("abcde")}),
        (head_case, "head", {"runner": "style_arc", "reference": {"class": "Other"}}),
    ],
)
def test_a_contradictory_case_fails_and_says_why(tmp_path: Path, make: Any, name: str, changes: dict[str, Any]) -> None:
    make(tmp_path, **changes)
    result = run_case(tmp_path, name)
    assert result.status == "fail" and result.reason
