"""A model with words: exported, certified, opened without PyTorch, searched with."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lapel.catalogue import Catalogue
from lapel.datasets import read
from lapel.errors import CatalogueError, ModelError, QueryError
from lapel.export.exporting import export_checkpoint
from lapel.interfaces.cli.search import command
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.runtime import OnnxModel
from lapel.schema import Part, Query, TextModel
from words_model import speaking_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speaking")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPEL_CACHE", str(folder / "cache"))
        stored = speaking_checkpoint(folder)
    photos = read(folder / "set").paths
    export_checkpoint(stored, folder / "onnx", sample=photos)
    export_checkpoint(folder / "base.safetensors", folder / "base-onnx", sample=photos)
    return folder


@pytest.fixture()
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder / "onnx", tmp_path / "copy"))


def test_the_certificate_names_the_words_and_both_models_agree(folder: Path) -> None:
    certificate = json.loads((folder / "onnx" / "certificate.json").read_text())
    assert set(certificate["parts"]) == {"text.onnx", "compose.onnx", "vocab.txt"}
    assert all(certificate["differences"][name] < 1e-4 for name in ("composed", "text", "changed"))
    original = TorchModel(*checkpoint.load(folder / "words.safetensors"))
    exported = OnnxModel(folder / "onnx", threads=1)
    assert isinstance(exported, TextModel)
    texts = ["in red", "make it blue", "striped"]
    pixels = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    seen, found = original(pixels), exported(pixels)
    assert seen.composed is not None and found.composed is not None
    np.testing.assert_allclose(found.composed, seen.composed, atol=1e-4)
    np.testing.assert_allclose(exported.encode_text(texts), original.encode_text(texts), atol=1e-5)
    np.testing.assert_allclose(exported.encode_text(texts[:1]), original.encode_text(texts)[:1], atol=1e-5)
    np.testing.assert_allclose(exported.compose(found, texts), original.compose(seen, texts), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(exported.compose(found, texts), axis=1), 1, atol=1e-5)


def test_a_text_that_is_empty_or_too_long_is_told(folder: Path) -> None:
    exported = OnnxModel(folder / "onnx", threads=1)
    with pytest.raises(QueryError, match="says nothing"):
        exported.encode_text([" \t"])
    with pytest.raises(QueryError, match="40 word pieces; the model reads 32"):
        exported.encode_text(["red " * 40])
    assert exported.encode_text(["zzz qqq"]).shape == (1, 16)  # unknown words are no error
    with pytest.raises(QueryError, match="taught no words"):
        OnnxModel(folder / "base-onnx", threads=1).encode_text(["red"])
    with pytest.raises(QueryError, match="taught no words"):
        TorchModel(*checkpoint.load(folder / "base.safetensors")).encode_text(["red"])


@pytest.mark.parametrize("name", ["text.onnx", "compose.onnx", "vocab.txt"])
def test_a_damaged_or_missing_part_is_told_when_words_are_asked(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes() + b"x")
    with pytest.raises(ModelError, match="not the file its certificate"):
        OnnxModel(copy, threads=1).encode_text(["red"])
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"has no {name}"):
        OnnxModel(copy, threads=1).encode_text(["red"])


def test_a_catalogue_answers_words_and_changes_and_carries_its_model_along(folder: Path, tmp_path: Path) -> None:
    items = read(folder / "set")
    catalogue = Catalogue.create(tmp_path / "shop.lapel", folder / "onnx")
    catalogue.add(items)
    reopened = Catalogue.open(tmp_path / "shop.lapel")
    model = OnnxModel(folder / "onnx", threads=1)
    stored = reopened.embeddings().outputs.composed
    assert stored is not None
    _the_command_line_says_the_same(tmp_path / "shop.lapel", reopened, items.ids[0], items.ids[1])
    for part, vector in (
        (Part.words("in red"), model.encode_text(["in red"])[0]),
        (Part.composed("item:" + items.ids[3], "but blue"), None),
    ):
        if vector is None:
            one = reopened.embeddings()
            given = type(one.outputs)(
                *(getattr(one.outputs, n)[3:4] for n in ("embeddings", "regions", "values", "look", "composed"))
            )
            vector = model.compose(given, ["but blue"])[0]
        answer = reopened.query(Query((part,), k=5))
        best = np.sort(stored @ vector)[::-1][:5]
        np.testing.assert_allclose([hit.score for hit in answer.hits], best, atol=0.02)  # 8-bit codes, then exact


def _the_command_line_says_the_same(place: Path, catalogue: Catalogue, one: str, other: str) -> None:
    asked = ["--like", f"item:{one}", "--text", "but in red=3", "--like", f"item:{other}:color", "-k", "4", "--json"]
    found = CliRunner().invoke(command, [str(place), *asked], catch_exceptions=False)
    query = Query((Part.composed(f"item:{one}", "but in red", 3), Part(f"item:{other}", {"color": 1.0})), k=4)
    assert json.loads(found.output) == catalogue.query(query).to_dict()
    assert [round(part["weight"], 6) for part in json.loads(found.output)["weights"]] == [0.75, 0.25]
    apart = CliRunner().invoke(command, [str(place), *asked, "--apart"], catch_exceptions=False)
    assert [part["attribute"] for part in json.loads(apart.output)["weights"]] == ["look", "color", "words"]


def test_a_catalogue_from_before_the_words_goes_on_and_says_how_to_add_them(folder: Path, tmp_path: Path) -> None:
    items = read(folder / "set")
    place = tmp_path / "old.lapel"
    Catalogue.create(place, folder / "base-onnx").add(items)
    old = Catalogue.open(place, model=OnnxModel(folder / "onnx", threads=1))
    assert old.query(Query((Part("item:" + items.ids[0], {"color": 1.0}),), k=3)).hits
    with pytest.raises(QueryError, match=r"before its model, 'tiny', understood words; index its photos .*lapel index"):
        old.query(Query((Part.words("red"),), k=3))
    with pytest.raises(CatalogueError, match="cannot be compared"):  # the other way round there is a column too many
        Catalogue.create(tmp_path / "new.lapel", folder / "onnx").add(items)
        Catalogue.open(tmp_path / "new.lapel", model=OnnxModel(folder / "base-onnx", threads=1))


def test_a_text_costs_little(folder: Path) -> None:
    model = OnnxModel(folder / "onnx", threads=1)
    model.encode_text(["red"])
    began = time.process_time()
    for _ in range(20):
        model.encode_text(["but in red with a stripe"])
    assert (time.process_time() - began) / 20 < 0.05


def test_photos_can_be_added_to_a_catalogue_from_before_the_words(folder: Path, tmp_path: Path) -> None:
    items = read(folder / "set")
    place = tmp_path / "old.lapel"
    Catalogue.create(place, folder / "base-onnx").add(items.split("train"))
    old = Catalogue.open(place, model=OnnxModel(folder / "onnx", threads=1))
    old.add(items.split("test"))
    assert len(old) == len(items.split("train")) + len(items.split("test"))
