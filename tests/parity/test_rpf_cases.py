"""RPF's golden cases, each at its own tolerance and, where nothing is rounded twice, much closer."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapel.parity.running import run_case

CLOSE = {
    "rpf_einfonce": 1e-5,
    "rpf_embed_images_stage1": 1e-6,
    "rpf_embed_images_stage2": 1e-6,
    "rpf_embed_images_stage2_deepfashion": 1e-6,
    "rpf_locate_bumps": 0.0,
    "rpf_locate_bumps_reversed": 0.0,
    "rpf_locate_threshold097": 0.0,
    "rpf_map": 1e-6,
    "rpf_stage1_region": 1e-5,
    "rpf_stage2_region": 1e-5,
    "rpf_stage2_patch": 1e-5,
    "rpf_stage2_patch_deepfashion": 1e-5,
    "rpf_vit_npz_import": 1e-5,
}


@pytest.mark.parametrize("name", list(CLOSE))
def test_a_golden_case_of_rpf_passes(name: str, shared: Path) -> None:
    result = run_case(shared / "golden", name)
    assert result.status == "pass", result.reason
    assert result.relative is not None and result.relative <= CLOSE[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rpf_stage1_train_step", "rpf_stage2_train_step"])
def test_a_golden_training_step_of_rpf_passes(name: str, shared: Path) -> None:
    """Gradient norms may differ by 1e-3, losses after the step by 5e-3."""
    result = run_case(shared / "golden", name)
    assert result.status == "pass", result.reason
    assert result.relative is not None and result.relative < 5e-3
