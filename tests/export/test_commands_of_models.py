"""`lapel export` and `lapel models`, from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from colour_model import ColourModel  # noqa: E402
from colour_onnx import export_colours  # noqa: E402
from lapel.errors import InputError  # noqa: E402
from lapel.interfaces.cli.main import command  # noqa: E402
from lapel.runtime import OnnxModel, read_card  # noqa: E402

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def run(*words: object) -> str:
    result = CliRunner().invoke(command, [str(word) for word in words])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def cells(text: str) -> list[list[str]]:
    """The rows of a printed table."""
    lines = [line for line in text.splitlines() if line[:1] in "│┃"]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]


def test_export_prints_what_was_compared(make_checkpoint: Make, photos: list[Path], tmp_path: Path) -> None:
    text = run("export", make_checkpoint(), "--out", tmp_path / "onnx", "--sample", photos[0].parent)
    rows = {row[0]: row[1] for row in cells(text)}
    assert rows["compared on"] == "40 photos"
    assert rows["nearest 10 that agree, color"].endswith(" %")
    assert float(rows["max difference, embeddings"]) < 1e-3
    assert rows["value probabilities"] == "fitted"
    assert rows["fingerprint"] == read_card(tmp_path / "onnx").fingerprint
    assert text.splitlines()[-1] == f"Written to {tmp_path / 'onnx'}"


def test_export_names_its_folder_after_the_checkpoint_and_says_that_values_are_not_fitted(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    source = tmp_path / "mine.safetensors"
    source.write_bytes(make_checkpoint(fitted=False).read_bytes())
    rows = {row[0]: row[1] for row in cells(run("export", source))}
    assert rows["compared on"] == "32 pictures of noise; --sample PHOTOS compares on photos"
    assert rows["value probabilities"] == "not fitted: all values alike"
    assert OnnxModel(tmp_path / "mine-onnx").card.name == "small-asen_v2"
    with pytest.raises(InputError, match="mine-onnx' exists"):
        run("export", source)


def test_export_as_json_is_the_certificate(make_checkpoint: Make, tmp_path: Path) -> None:
    found = json.loads(run("export", make_checkpoint(), "--out", tmp_path / "onnx", "--json"))
    stored = json.loads((tmp_path / "onnx" / "certificate.json").read_text())
    assert found == stored | {"folder": str(tmp_path / "onnx")}


@pytest.fixture
def shipped_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = export_colours(tmp_path / "shipped" / "colours")
    monkeypatch.setattr(sys.modules["lapel.runtime.shipped"], "FOLDER", folder.parent)
    return folder


def test_models_lists_what_is_shipped(shipped_colours: Path) -> None:
    card = ColourModel().card
    assert cells(run("models"))[1] == ["colours", "fake", "top, bottom", "3", card.fingerprint, "code Apache-2.0"]
    assert [each["name"] for each in json.loads(run("models", "--json"))] == ["colours"]


def test_models_says_when_nothing_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["lapel.runtime.shipped"], "FOLDER", tmp_path / "none")
    assert run("models") == "This installation ships no model.\n"
    assert json.loads(run("models", "--json")) == []


def test_models_shows_a_card_with_scores_and_terms_as_they_are_written(shipped_colours: Path) -> None:
    scores = {"map": 61.24, "low": 58.0, "high": 64.5, "chance": 33.3}
    card = ColourModel().card.with_(
        scores={"protocol": "each-against-rest", "data": "test", "attributes": {"top": scores}},
        learnt_from=({"name": "photos", "terms": "research use [see paper]"},),
        notes="Small [and first] model.",
    )
    (shipped_colours / "card.json").write_text(card.to_json(), encoding="utf-8")
    text = run("models", "colours")
    assert cells(text)[1:] == [
        ["top", "red, green, blue", "61.2", "58.0 to 64.5", "33.3"],
        ["bottom", "red, green, blue", "", "", ""],
    ]
    lines = text.splitlines()
    assert lines[0] == f"colours  fake on none  fingerprint {card.fingerprint}"
    assert lines[1] == "input 8 x 8 (stretch); 3 dims an attribute, 6 for the whole look; regions 2 x 2"
    assert lines[-4:] == [
        "Scores: each-against-rest, test",
        "learnt from name photos, terms research use [see paper]",
        "code Apache-2.0; weights learnt partly from research-only photos",
        "Small [and first] model.",
    ]
    assert json.loads(run("models", "colours", "--json"))["fingerprint"] == card.fingerprint


def test_models_shows_the_card_of_a_checkpoint(make_checkpoint: Make) -> None:
    text = run("models", make_checkpoint("triplet", fitted=False))
    assert "(uniform: it does not attend)" in text
    assert "value probabilities are not fitted" in text


def test_export_prints_how_map_changes_on_labelled_photos(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    rows = "\n".join(f"{path},{('red', 'green')[n % 2]}" for n, path in enumerate(photos))
    (tmp_path / "shop.csv").write_text(f"image,color\n{rows}\n")
    text = run("export", make_checkpoint(), "--out", tmp_path / "onnx", "--labelled", tmp_path / "shop.csv")
    change = json.loads((tmp_path / "onnx" / "certificate.json").read_text())["metric_change"]
    found = change["attributes"]["color"]
    shown = {row[0]: row[1] for row in cells(text)}["MAP on shop, color"]
    assert shown == f"{found['original']:.1f} to {found['exported']:.1f} ({found['change']:+.1f})"
    assert change["split"] == "all" and change["queries"] == 40 and 0 < found["original"] < 100
