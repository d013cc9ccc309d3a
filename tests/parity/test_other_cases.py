"""Cases that nobody tuned for: other weights, seeds, attributes, sizes, margins, optimizers; expected numbers apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import parity_cases
from lapel.parity.running import run_case

CASES: list[Callable[[Path], None]] = [
    parity_cases.margin_case,
    parity_cases.masks_case,
    parity_cases.schedules_case,
    parity_cases.embed_case,
    parity_cases.train_case,
]


@pytest.mark.parametrize("write", CASES, ids=lambda write: write.__name__)
def test_other_cases_pass(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    name = next(tmp_path.glob("*.json")).stem
    result = run_case(tmp_path, name)
    assert result.status == "pass", result.reason
    assert result.absolute is not None and result.relative is not None and result.relative <= 1e-5
