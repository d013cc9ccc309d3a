"""The golden numbers of the published code, case by case, and what the command says of the whole folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lapel.parity.running import BUILT, NOT_BUILT, run_case

OURS = [
    *(f"asen_{system}_{kind}" for system in ("v1", "v2", "csn") for kind in ("embed", "loss_eval", "loss_train")),
    "asen_csn_masks",
    "csn_fixed",
    "csn_learned",
    "gd_v2_embed",
    "gd_v2_loss_eval",
    "gd_v2_loss_train",
    "asenpp_branches",
    "asenpp_crops",
    "asenpp_losses",
    "asenpp_pipeline",
    "margin_ranking",
    "ranking",
    "schedules",
    "style_arc",
    "style_arc_head",
    "style_metrics",
    "style_v1",
]


SLOW = ["asen_v2_train", "asenpp_train_s1", "asenpp_train_s2", "gd_v2_train", "style_arc_train"]


@pytest.mark.parametrize("name", [*OURS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_golden_case_passes(name: str, shared: Path) -> None:
    result = run_case(shared / "golden", name)
    assert result.status == "pass", result.reason
    assert result.relative is not None and result.relative < 1e-5


def test_every_golden_case_is_run_or_named_as_not_built(shared: Path) -> None:
    for path in sorted((shared / "golden").glob("*.json")):
        runner = json.loads(path.read_text())["runner"]
        assert (runner in BUILT) is not (runner in NOT_BUILT), path.name
        # RPF's and the composed systems' cases have files of their own.
        assert path.stem in [*OURS, *SLOW] or path.stem.startswith(("rpf", "fern")), path.name
