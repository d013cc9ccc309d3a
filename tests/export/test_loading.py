"""A model is found by what a person would call it, and what cannot be found is named with a way out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

from colour_onnx import export_colours  # noqa: E402
from lapel.errors import CheckpointError, InputError, MissingExtra, UnknownName  # noqa: E402
from lapel.export import load_card, load_model, run_checkpoint  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.runtime import OnnxModel  # noqa: E402

Make = Callable[..., Path]


@pytest.fixture
def ships_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = export_colours(tmp_path / "shipped" / "colours")
    monkeypatch.setattr(sys.modules["lapel.runtime.shipped"], "FOLDER", folder.parent)
    return folder


def test_a_shipped_name_and_an_exported_folder_are_onnx(ships_colours: Path) -> None:
    for name in ("colours", str(ships_colours), ships_colours):
        model = load_model(name, threads=1)
        assert isinstance(model, OnnxModel) and model.folder == ships_colours
        assert load_card(name) == model.card


def test_a_run_folder_and_a_checkpoint_are_pytorch(make_checkpoint: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "last.safetensors").write_bytes(make_checkpoint("csn").read_bytes())
    assert run_checkpoint(run) == run / "last.safetensors"
    assert load_card(run).system == "csn"
    (run / "best.safetensors").write_bytes(make_checkpoint("triplet").read_bytes())
    for name in (run, str(run / "best.safetensors")):
        model = load_model(name)
        assert isinstance(model, TorchModel) and model.card.system == "triplet"
        assert load_card(name) == model.card


def test_a_misspelt_name_gets_a_suggestion(ships_colours: Path) -> None:
    with pytest.raises(UnknownName) as raised:
        load_model("colour")
    assert str(raised.value) == "Unknown model 'colour'. Did you mean 'colours'? This installation knows: colours."


@pytest.mark.parametrize("name", ["no/such/run", "gone.safetensors"])
def test_a_path_where_nothing_stands_says_what_may_stand_there(ships_colours: Path, name: str) -> None:
    with pytest.raises(InputError) as raised:
        load_card(name)
    assert str(raised.value) == (
        f"There is no model at '{name}'. Give a folder that `lapel export` wrote, a run folder, a .safetensors file, "
        "or a shipped model's name (colours)."
    )


def test_a_folder_or_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model: neither card.json and model.onnx .* nor best.safetensors"):
        load_model(tmp_path)
    (tmp_path / "labels.csv").write_text("id,image\n")
    with pytest.raises(CheckpointError, match="is not a Lapel checkpoint"):
        load_model(tmp_path / "labels.csv")


def test_without_pytorch_a_checkpoint_says_what_to_install(
    make_checkpoint: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_checkpoint()
    monkeypatch.setitem(sys.modules, "lapel.models.adapter", None)
    with pytest.raises(MissingExtra) as raised:
        load_model(path)
    assert str(raised.value) == (
        f"Opening the checkpoint '{path}' needs an extra that is not installed. Run: pip install 'lapel[train]'"
    )
