"""A miniature FashionIQ and a recipe over it that trains in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import composed_releases
from lapel.training import load_recipe
from lapel.training.composed.recipe import ComposedRecipe

SMALL = [
    "model.clip=tiny",
    "model.weights=random",
    "sampling.batch=4",
    "sampling.steps=3",
    "optimiser.epochs=2",
    "optimiser.lr=1e-3",
    "evaluation.every=1",
    "running={device: cpu, threads: 1, log_every: 1, checkpoint_steps: 1}",
]


@pytest.fixture
def fashioniq(tmp_path: Path) -> Path:
    return composed_releases.fashioniq(tmp_path / "fashioniq", count=4)


@pytest.fixture
def small(fashioniq: Path) -> Callable[..., ComposedRecipe]:
    """`small("key=value", ...)`: the Combiner, two epochs of three steps."""

    def make(*overrides: str, name: str = "fashioniq/combiner") -> ComposedRecipe:
        found = load_recipe(name, [f"data={fashioniq}", *SMALL, *overrides])
        assert isinstance(found, ComposedRecipe)
        return found

    return make
