"""A recipe small enough to run many times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lapel.training import Recipe, load_recipe
from training_data import TINY, TRIPLETS, tiny_set


@pytest.fixture
def tiny_recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """`tiny_recipe("key=value", ...)`: ASENet_V2 on tiny photos, two epochs of four steps on CPU."""
    folder = tiny_set(tmp_path / "shop")

    def make(*overrides: str) -> Recipe:
        return load_recipe("table/asen_v2", [f"data={folder}", *TINY, TRIPLETS, *overrides])

    return make
