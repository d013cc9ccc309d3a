"""float16 with a scaled loss, through the loop: Fabric refuses it on a CPU, where PyTorch itself can do it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from lightning_fabric import Fabric  # noqa: E402
from lightning_fabric.plugins import MixedPrecision  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from lapel.models import checkpoint  # noqa: E402
from lapel.training import loop  # noqa: E402
from lapel.training.loop import train  # noqa: E402


@pytest.fixture
def scaled(monkeypatch):
    """The loop on a CPU with Lightning's own float16 plugin and a scaler that soon grows."""

    def start(running):
        torch.set_num_threads(1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8, growth_interval=3)
        return Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler=scaler))

    monkeypatch.setattr(loop, "start_processes", start)


def test_a_run_in_float16_resumes_with_the_scale_it_had(tiny_recipe, tmp_path, monkeypatch, scaled):
    class Killed(BaseException):
        pass

    recipe = tiny_recipe("running.precision=16-mixed", "optimiser.clip=1")
    train(recipe, tmp_path / "whole")
    info = checkpoint.read(tmp_path / "whole" / "last.safetensors").info
    assert info["scaler"]["scale"] == 2.0**10, "eight steps without an overflow: twice grown"
    plain = loop.save_last

    def killing(stage, folder, place):
        plain(stage, folder, place)
        if (place.epoch, place.step) == (2, 2):
            raise Killed

    monkeypatch.setattr(loop, "save_last", killing)
    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed")
    monkeypatch.setattr(loop, "save_last", plain)
    train(recipe, tmp_path / "killed", resume=True)
    assert checkpoint.read(tmp_path / "killed" / "last.safetensors").info["scaler"] == info["scaler"]
    one, other = (load_file(tmp_path / name / "best.safetensors") for name in ("whole", "killed"))
    assert all(value.isfinite().all() for value in one.values() if value.is_floating_point())
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
