"""Two processes on CPU walk the loss curve of one with the doubled batch (batch norm in evaluation mode)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from lapel.models import checkpoint  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from training_runs import losses, train_by_two  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_give_the_curve_of_one_with_the_doubled_batch(tiny_recipe, tmp_path, accumulate):
    asked = ["model.freeze_batchnorm=true", "sampling.steps=6", f"optimiser.accumulate={accumulate}"]
    asked += ["optimiser.lr=1e-4"]  # Adam's first steps follow the gradient's sign: rounding grows with the rate
    two = train_by_two(tiny_recipe(*asked, "sampling.batch=3"), tmp_path)

    one = train(tiny_recipe(*asked, "sampling.batch=6"), tmp_path / "one")
    assert len(losses(one)) == 12
    assert losses(two) == pytest.approx(losses(one), rel=2e-4)
    alone = train(tiny_recipe(*asked, "sampling.batch=3"), tmp_path / "alone")
    assert losses(alone) != pytest.approx(losses(one), rel=2e-2)  # half the batch is another curve
    a, b = (checkpoint.read(run / "last.safetensors").state for run in (one, tmp_path / "two"))
    assert all(torch.allclose(a[name], b[name], rtol=1e-2, atol=5e-5) for name in a if a[name].is_floating_point())
