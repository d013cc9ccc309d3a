"""A model of two branches as two ONNX files: equal to PyTorch, certified, and refused when a file was changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from lapel.embedding import embed  # noqa: E402
from lapel.errors import InputError, ModelError  # noqa: E402
from lapel.export.exporting import export_checkpoint as export  # noqa: E402
from lapel.export.loading import load_model  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.models.cards import new_card  # noqa: E402
from lapel.models.registry import build  # noqa: E402
from lapel.runtime.onnx import OnnxModel  # noqa: E402
from lapel.schema import Crops, Preprocess, Vocabulary  # noqa: E402


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for n in range(12):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize((80 + 9 * n, 150 - 5 * n), Image.Resampling.BICUBIC).save(folder / f"{n:02}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(2)
    card = new_card(
        name="two",
        system="asenpp",
        backbone="test_resnet",
        vocabulary=Vocabulary.of({"color": ["red", "green"], "sleeve": ["short", "long", "none"]}),
        preprocess=Preprocess(64, 64, "crop", 64),
        weights="random",
        dim=12,
        look_dim=8,
        hidden=8,
        attribute_dim=10,
        crops=Crops(0.5, 32, 32, 0.6),
        local={"backbone": "test_resnet", "options": {"hidden": 8}},
    )
    model = build(card).eval()
    with torch.no_grad():
        model.head.attr_embedding.weight.mul_(20)
        model.head.conv.weight.mul_(20)
        model.values.prototypes.normal_()
        model.values.scale.fill_(3)
    path = tmp_path_factory.mktemp("stored") / "two.safetensors"
    checkpoint.save(path, model, card)
    return path


def test_the_export_equals_the_checkpoint_on_photos(stored: Path, photos: list[Path], tmp_path: Path) -> None:
    certificate = export(stored, tmp_path / "out", sample=photos)
    assert certificate.passes and set(certificate.parts) == {"local.onnx"} and certificate.boxes_moved is not None
    original, exported = TorchModel(*checkpoint.load(stored)), load_model(tmp_path / "out")
    names = [path.name for path in photos]
    one, other = (embed(model, photos, names, batch=5)[0].outputs for model in (original, exported))
    for part in ("embeddings", "regions", "values", "look"):
        assert np.abs(getattr(one, part) - getattr(other, part)).max() < 1e-4, part
    alone = embed(exported, photos[:1], names[:1])[0].outputs
    assert np.abs(alone.embeddings - other.embeddings[:1]).max() < 1e-5
    inputs = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    assert np.abs(original(inputs).embeddings - exported(inputs).embeddings).max() < 1e-3


def test_a_changed_local_file_is_refused(stored: Path, tmp_path: Path) -> None:
    export(stored, tmp_path / "out")
    content = (tmp_path / "out" / "local.onnx").read_bytes()
    (tmp_path / "out" / "local.onnx").write_bytes(content[:-1] + b"\0")
    with pytest.raises(ModelError, match=r"local\.onnx is not the file its certificate was written for"):
        OnnxModel(tmp_path / "out")
    (tmp_path / "out" / "local.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no local\.onnx; export the model again"):
        OnnxModel(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "certificate.json").read_text())["noise"] is True


def test_int8_is_refused_with_a_reason(stored: Path, photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of two branches, which are exported in fp32 only"):
        export(stored, tmp_path / "out", int8=True, sample=photos)
