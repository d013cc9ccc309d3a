"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the cache of the person who runs it."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "lapel-cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The facts and data kept beside the project; a test that needs them skips without them."""
    if SHARED.is_dir():
        return SHARED
    reason = "needs the reference facts and data beside the project (../shared)"
    if os.environ.get("LAPEL_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
