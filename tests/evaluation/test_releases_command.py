"""`lapel evaluate MODEL RELEASE`: the release's protocol without being asked, and a model of other attributes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import releases
from colour_onnx import export_colours
from lapel.errors import InputError
from lapel.interfaces.cli.main import command


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """FashionAI's layout with the two attributes of the colour model."""
    sizes = {"top": 2, "bottom": 2}
    root = releases.asen_lists(tmp_path / "Colours", lambda split, n, k, v: f"p/{split}{n}.jpg", sizes)
    meta = {"FashionAI": {"ATTRIBUTES": list(sizes), "ATTRIBUTES_NUM": sizes}}
    (root / "meta.json").write_text(json.dumps(meta))
    return root


def test_the_release_s_own_lists_are_the_default(colours: Path, tmp_path: Path) -> None:
    model = str(export_colours(tmp_path / "model"))
    words = ["evaluate", model, str(colours), "--release", "fashionai", "--json", "-"]
    answer = CliRunner().invoke(command, words)
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert found["protocol"] == "query-gallery" and found["data"]["complete"] is False
    assert {score["queries"] for score in found["attributes"].values()} == {2}
    assert found["overall"] > 0 and found["mean_over_attributes"] > 0
    asked = CliRunner().invoke(command, [*words, "--protocol", "each-against-rest"])
    assert json.loads(asked.stdout)["protocol"] == "each-against-rest"
    shown = CliRunner().invoke(command, words[:-2])
    assert "partial" in shown.output and "do not compare to a paper's" in " ".join(shown.output.split())


def test_a_checkpoint_of_another_attribute_set(tmp_path: Path) -> None:
    model = str(export_colours(tmp_path / "model"))
    answer = CliRunner().invoke(command, ["evaluate", model, str(releases.fashionai(tmp_path / "FashionAI"))])
    assert isinstance(answer.exception, InputError)
    assert str(answer.exception) == (
        "No attribute in common: the model 'colours' knows top, bottom; the data 'fashionai' labels "
        f"{', '.join(releases.FASHIONAI)}. Use another model or data."
    )
