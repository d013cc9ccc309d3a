"""Learning rates against the published code's, and against PyTorch's own schedulers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lapel.training.experiment import Optimiser
from lapel.training.schedule import rate_factor


@pytest.mark.parametrize(
    ("name", "step_size", "decay", "epochs"), [("asen_v1", 1, 0.985, 200), ("asen_v2_and_gd", 3, 0.9, 50)]
)
def test_rates_of_the_published_recipes(shared, name, step_size, decay, epochs):
    case = json.loads((shared / "golden" / "schedules.json").read_text())
    expected = np.load(shared / "golden" / "schedules.npz")[name].reshape(-1)
    assert {r["name"] for r in case["recipes"]} >= {name}
    recipe = Optimiser(step_size=step_size, decay=decay, epochs=epochs)
    rates = [recipe.lr * rate_factor(recipe, epoch, 0, 6250) for epoch in range(1, epochs + 1)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_cosine_falls_from_one_to_nearly_zero_after_the_warm_up():
    recipe = Optimiser(schedule="cosine", warmup=4, epochs=2)
    rates = [rate_factor(recipe, epoch, step, 50) for epoch in (1, 2) for step in range(50)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4] < 1
    assert rates[50] == pytest.approx(0.5)
    assert all(a > b for a, b in zip(rates[4:], rates[5:], strict=False))
    assert 0 < rates[-1] < 0.001


def test_constant_is_one():
    assert rate_factor(Optimiser(schedule="constant"), 9, 3, 10) == 1
