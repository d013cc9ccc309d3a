"""An exported folder: what it answers, and that nothing but what was exported is ever run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from colour_model import ColourModel, draw  # noqa: E402
from colour_onnx import export_colours  # noqa: E402
from lapel.errors import ModelError, ShapeError, UnknownName  # noqa: E402
from lapel.runtime import OnnxModel, open_model, read_card, shipped  # noqa: E402
from lapel.runtime.onnx import check_shapes  # noqa: E402
from lapel.schema import Outputs  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return export_colours(tmp_path / "colours")


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 5, 8, 33])
def test_it_answers_as_the_model_it_was_made_of_in_the_shapes_of_its_card(folder: Path, count: int) -> None:
    found, expected = OnnxModel(folder)(pixels(count)), ColourModel()(pixels(count))
    assert found.embeddings.shape == (count, 2, 3) and found.regions.shape == (count, 2, 2, 2)
    assert found.values.shape == (count, 6) and found.look.shape == (count, 6)
    for name in ("embeddings", "regions", "values", "look"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-5), name


def test_pixels_that_are_neither_contiguous_nor_float32_give_the_same(folder: Path) -> None:
    given = pixels(4)
    turned = np.asfortranarray(given.astype(np.float64))
    model = OnnxModel(folder, threads=1)
    assert np.array_equal(model(given).embeddings, model(turned).embeddings)


@pytest.mark.parametrize("shape", [(2, 3, 8, 9), (2, 1, 8, 8), (3, 8, 8), (2, 8, 8, 3)])
def test_a_batch_of_another_shape_is_refused(folder: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as raised:
        OnnxModel(folder)(np.zeros(shape, np.float32))
    assert str(raised.value) == f"The model 'colours' reads (B, 3, 8, 8), not {shape}."


def test_outputs_that_break_the_promise_of_the_card_are_refused() -> None:
    card, found = ColourModel().card, ColourModel()(pixels(2))
    check_shapes(found, card, 2)
    with pytest.raises(ShapeError, match=r"gave regions \(2, 2, 2, 2\); its card promises \(2, 2, 7, 7\)"):
        check_shapes(found, card.with_(grid=(7, 7)), 2)
    with pytest.raises(ShapeError, match=r"gave composed \(\); its card promises \(2, 5\)"):
        check_shapes(found, card.with_(composed_dim=5), 2)
    wide = Outputs(found.embeddings, found.regions, found.values[:, :5], found.look)
    with pytest.raises(ShapeError, match=r"gave values \(2, 5\); its card promises \(2, 6\)"):
        check_shapes(wide, card, 2)


def test_a_model_of_other_bytes_is_refused_before_it_runs(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="is not the file its certificate was written for; get or export it again"):
        OnnxModel(folder)


def test_bytes_that_are_no_model_are_refused_even_when_certified(folder: Path) -> None:
    import hashlib

    (folder / "model.onnx").write_bytes(b"no model")
    certificate = json.loads((folder / "certificate.json").read_text())
    certificate["sha256"] = hashlib.sha256(b"no model").hexdigest()
    (folder / "certificate.json").write_text(json.dumps(certificate))
    with pytest.raises(ModelError, match="is no model that ONNX Runtime can run"):
        OnnxModel(folder)


def test_a_card_changed_by_hand_is_refused(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["preprocess"]["mean"] = [0.1, 0.1, 0.1]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=r"card.json: The card of 'colours' was changed by hand"):
        OnnxModel(folder)


def test_a_certificate_of_another_model_is_refused(folder: Path) -> None:
    certificate = json.loads((folder / "certificate.json").read_text())
    certificate["fingerprint"] = "0" * 16
    (folder / "certificate.json").write_text(json.dumps(certificate))
    with pytest.raises(
        ModelError, match="the certificate is of model 0000000000000000, the card of .* different exports"
    ):
        OnnxModel(folder)


def test_the_card_of_another_model_is_refused(folder: Path) -> None:
    (folder / "card.json").write_text(ColourModel("other weights").card.to_json())
    with pytest.raises(ModelError, match="the files belong to different exports"):
        OnnxModel(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("card.json", "holds no exported model: it has no card.json. Make one with `lapel export`."),
        ("model.onnx", "has no model.onnx; export the model again (lapel export)."),
        ("certificate.json", "has no certificate.json; export the model again (lapel export)."),
    ],
)
def test_a_missing_file_is_named(folder: Path, name: str, message: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError) as raised:
        OnnxModel(folder)
    assert str(raised.value) == f"{folder} {message}"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["card.json", "certificate.json"])
def test_a_damaged_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        OnnxModel(folder)


def test_a_card_of_a_later_format_says_which_this_version_reads(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text()) | {"format": 2}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="has format 2; this version of Lapel reads format 1. Export or import"):
        OnnxModel(folder)


def test_a_model_without_a_promised_output_is_refused(folder: Path) -> None:
    card = ColourModel().card.with_(composed_dim=4)
    (folder / "card.json").write_text(card.to_json())
    certificate = json.loads((folder / "certificate.json").read_text()) | {"fingerprint": card.fingerprint}
    (folder / "certificate.json").write_text(json.dumps(certificate))
    with pytest.raises(ModelError, match="has no output 'composed'; export the model again"):
        OnnxModel(folder)


def test_a_card_with_letters_beyond_ascii_survives_any_locale(folder: Path) -> None:
    card = ColourModel().card.with_(notes="Größe, 色")
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    code = f"import sys; from lapel.runtime import read_card; from pathlib import Path; card = read_card(Path({str(folder)!r}))"
    code += "; sys.exit(card.notes != 'Gr\\u00f6\\u00dfe, \\u8272')"
    done = subprocess.run([sys.executable, "-X", "utf8=0", "-c", code], env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"})
    assert done.returncode == 0


def test_shipped_models_are_found_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["lapel.runtime.shipped"], "FOLDER", folder.parent)
    (folder.parent / "no-model").mkdir()
    assert shipped() == {"colours": folder}
    assert open_model("colours").card == read_card(folder)
    with pytest.raises(UnknownName) as raised:
        open_model("color")
    assert str(raised.value) == "Unknown model 'color'. Did you mean 'colours'? This installation knows: colours."


WITHOUT_TORCH = """
import sys
for name in ("torch", "timm", "safetensors", "torchvision", "onnx"):
    sys.modules[name] = None
import lapel.runtime, lapel.embedding, lapel.explain.contact_sheet, lapel.explain.overlays, lapel.export
model = lapel.export.load_model({folder!r})
table, _ = lapel.embedding.embed(model, [{photo!r}], ["a"])
region = table.outputs.regions[0, 0]
lapel.explain.overlays.overlay(region, (8, 8), model.card.preprocess)
print(table.outputs.embeddings[0, 0].argmax(), lapel.export.load_card({folder!r}).name)
try:
    lapel.export.load_model({run!r})
except lapel.errors.MissingExtra as error:
    print(error)
"""


def test_an_export_is_opened_embeds_and_explains_where_pytorch_is_missing(folder: Path, tmp_path: Path) -> None:
    photo = draw(tmp_path / "photo.png", "blue", "red")
    run = tmp_path / "run"
    run.mkdir()
    (run / "best.safetensors").write_bytes(b"weights")
    code = WITHOUT_TORCH.format(folder=str(folder), photo=str(photo), run=str(run))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "2 colours"
    assert second == (
        f"Opening the checkpoint '{run / 'best.safetensors'}' needs an extra that is not installed. "
        "Run: pip install 'lapel[train]'"
    )
