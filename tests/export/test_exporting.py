"""A checkpoint becomes ONNX that gives the same, or nothing at all is written."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402

from lapel.datasets import read  # noqa: E402
from lapel.embedding import embed  # noqa: E402
from lapel.errors import CheckpointError, InputError, ModelError  # noqa: E402
from lapel.evaluation import evaluate  # noqa: E402
from lapel.export import certificate as certificates  # noqa: E402
from lapel.export import exporting  # noqa: E402
from lapel.export.exporting import export_checkpoint  # noqa: E402
from lapel.export.quantising import store_in_bytes  # noqa: E402
from lapel.models import checkpoint as checkpoints  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.runtime import OnnxModel  # noqa: E402
from lapel.runtime.integers import exact_products  # noqa: E402
from lapel.schema import ItemTable  # noqa: E402

Make = Callable[..., Path]
FLOATING = "session.disable_quant_qdq"


def labelled(photos: list[Path], folder: Path, rename: dict[str, str] | None = None) -> ItemTable:
    """A table of the photos: the second half is the test split, colours and sleeves dealt in turn."""
    names = rename or {"color": "color", "sleeve": "sleeve"}
    lines = [f"image,split,{names['color']},{names['sleeve']}"]
    for n, path in enumerate(photos):
        split, color = ("train" if n < len(photos) // 2 else "test"), ("red", "green", "blue")[n % 3]
        lines.append(f"{path},{split},{color},{('short', 'long')[n // 3 % 2]}")
    table = folder / "labels.csv"
    table.write_text("\n".join(lines) + "\n")
    return read(table)


@pytest.mark.parametrize("system", ["triplet", "csn", "asen", "asen_v2"])
def test_every_system_gives_the_same_from_onnx_whatever_the_batch(
    system: str, make_checkpoint: Make, tmp_path: Path
) -> None:
    source = make_checkpoint(system, backbone="resnet18")
    certificate = export_checkpoint(source, tmp_path / "onnx")
    assert certificate.passes and certificate.noise and certificate.sample == 32 and certificate.values_fitted
    model, card = checkpoints.load(source)
    original, exported = TorchModel(model, card), OnnxModel(tmp_path / "onnx")
    assert exported.card == card
    for batch in (1, 3, 7):
        pixels = np.random.default_rng(batch).standard_normal((batch, 3, 64, 64)).astype(np.float32)
        expected, found = original(pixels), exported(pixels)
        for name in ("embeddings", "regions", "values", "look"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-4), (name, batch)
        assert np.linalg.norm(found.embeddings, axis=2) == pytest.approx(1, abs=1e-5)
        assert found.regions.sum(axis=(2, 3)) == pytest.approx(1, abs=1e-4)
    assert found.values[:, :3].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_folder_holds_three_files_and_the_certificate_is_the_one_returned(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    certificate = export_checkpoint(make_checkpoint(), tmp_path / "a" / "onnx", sample=photos)
    folder = tmp_path / "a" / "onnx"
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "certificate.json", "model.onnx"]
    assert json.loads((folder / "certificate.json").read_text()) == certificate.to_dict()
    assert not certificate.noise and certificate.sample == 40 and certificate.neighbours == 10
    assert certificate.bytes == (folder / "model.onnx").stat().st_size
    assert set(certificate.rank_overlap) == {"color", "sleeve"} and certificate.mean_overlap > 0.99
    assert 0 < max(certificate.differences.values()) < 1e-3
    assert list((tmp_path / "a").iterdir()) == [folder]


def test_values_that_were_not_fitted_are_exported_uniform_and_the_certificate_says_so(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    certificate = export_checkpoint(make_checkpoint(fitted=False), tmp_path / "onnx")
    assert not certificate.values_fitted
    values = OnnxModel(tmp_path / "onnx")(np.ones((1, 3, 64, 64), np.float32)).values
    assert values[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2])


def test_a_run_folder_means_its_best_checkpoint(make_checkpoint: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "best.safetensors").write_bytes(make_checkpoint("csn").read_bytes())
    (run / "last.safetensors").write_bytes(make_checkpoint("triplet").read_bytes())
    export_checkpoint(run, tmp_path / "onnx")
    assert OnnxModel(tmp_path / "onnx").card.system == "csn"


def test_what_is_there_already_stays(make_checkpoint: Make, tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists; export into a new folder, or delete it first"):
        export_checkpoint(make_checkpoint(), tmp_path / "onnx")
    assert [p.name for p in (tmp_path / "onnx").iterdir()] == ["mine.txt"]


def test_an_export_that_differs_leaves_no_folder(
    make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = exporting._trace

    def other_weights(model, card, path):
        traced(checkpoints.load(make_checkpoint("csn"))[0], card, path)

    monkeypatch.setattr(exporting, "_trace", other_weights)
    with pytest.raises(ModelError, match="The fp32 export of 'small-asen_v2' differs too much .* Nothing was written"):
        export_checkpoint(make_checkpoint(), tmp_path / "out" / "onnx")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_export_that_is_interrupted_leaves_no_folder(
    make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "_certify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_checkpoint(make_checkpoint(), tmp_path / "out" / "onnx")
    assert list((tmp_path / "out").iterdir()) == []


def test_unreadable_photos_are_left_out_and_too_few_are_refused(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    missing = [tmp_path / "no.jpg"]
    certificate = export_checkpoint(make_checkpoint(), tmp_path / "onnx", sample=[*photos[:12], *missing])
    assert certificate.sample == 12 and certificate.neighbours == 3
    with pytest.raises(InputError, match="The sample holds 7 readable photos; give at least 8"):
        export_checkpoint(make_checkpoint(), tmp_path / "two", sample=[*photos[:7], *missing])


def test_of_a_long_list_photos_are_taken_evenly(make_checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    card, asked = checkpoints.read_card(make_checkpoint()), []

    def nothing(paths, **_):
        asked.extend(paths)
        return iter(())

    monkeypatch.setattr(exporting, "read_images", nothing)
    with pytest.raises(InputError):
        exporting._sample_pixels(card, [str(n) for n in range(10_000)], int8=False)
    numbers = [int(path) for path in asked]
    assert len(numbers) == 128 and numbers[0] == 0 and numbers[-1] == 9999
    assert set(np.diff(numbers)) <= {78, 79}


def test_no_checkpoint_and_no_photos_for_int8_are_sentences(make_checkpoint: Make, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"No checkpoint at '.*none.safetensors'"):
        export_checkpoint(tmp_path / "none.safetensors", tmp_path / "onnx")
    with pytest.raises(InputError) as raised:
        export_checkpoint(make_checkpoint(), tmp_path / "onnx", int8=True)
    assert str(raised.value) == "int8 is calibrated on photos; name a folder or table of them (--sample PHOTOS)."


def test_int8_is_smaller_another_model_and_quiet(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(certificates, "TOLERANCE", {"fp32": 1e-3, "int8": 2.0})  # random weights rank as they like
    monkeypatch.setattr(certificates, "RANK_TOLERANCE", {"fp32": 0.99, "int8": 0.0})
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.root.manager.disable)
    source = make_checkpoint(backbone="resnet18")
    whole = export_checkpoint(source, tmp_path / "fp32", sample=photos)
    capfd.readouterr()
    small = export_checkpoint(source, tmp_path / "int8", int8=True, sample=photos)
    assert capfd.readouterr() == ("", "")
    assert (root.level, list(root.handlers), logging.root.manager.disable) == before
    assert small.precision == "int8" and small.sample == 20 and small.bytes < 0.6 * whole.bytes
    assert small.fingerprint != whole.fingerprint
    other = export_checkpoint(source, tmp_path / "other", int8=True, sample=photos[:20])
    assert other.fingerprint != small.fingerprint
    assert sorted(p.name for p in (tmp_path / "int8").iterdir()) == ["card.json", "certificate.json", "model.onnx"]
    pixels = np.random.default_rng(0).standard_normal((3, 3, 64, 64)).astype(np.float32)
    exact, rounded = OnnxModel(tmp_path / "fp32")(pixels), OnnxModel(tmp_path / "int8")(pixels)
    assert not np.array_equal(exact.embeddings, rounded.embeddings)
    assert (exact.embeddings * rounded.embeddings).sum(axis=2).min() > 0.9


def test_in_8_bits_no_large_weight_stays_in_32_and_none_moves_by_more_than_half_a_step(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    export_checkpoint(make_checkpoint(), tmp_path / "onnx")
    before, path = onnx.load(tmp_path / "onnx" / "model.onnx"), tmp_path / "bytes.onnx"
    path.write_bytes((tmp_path / "onnx" / "model.onnx").read_bytes())
    store_in_bytes(path)
    graph = onnx.load(path).graph
    after = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [after.get(node.input[1]) for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert all(weight is None or weight.size < 1024 for weight in products)
    stored = [tensor for tensor in before.graph.initializer if f"{tensor.name}_bytes" in after]
    assert len(stored) > 3 and path.stat().st_size < 0.4 * (tmp_path / "onnx" / "model.onnx").stat().st_size
    for tensor in stored:
        weight, steps = numpy_helper.to_array(tensor), after[f"{tensor.name}_steps"]
        assert np.abs(weight - after[f"{tensor.name}_bytes"] * steps).max() <= 0.51 * steps.max()
    onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def test_where_byte_products_saturate_the_rounded_numbers_are_multiplied_in_32_bits(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "TOLERANCE", {"fp32": 1e-3, "int8": 2.0})
    monkeypatch.setattr(certificates, "RANK_TOLERANCE", {"fp32": 0.99, "int8": 0.0})
    source = make_checkpoint(backbone="resnet18")
    export_checkpoint(source, tmp_path / "int8", int8=True, sample=photos)
    export_checkpoint(source, tmp_path / "fp32")
    pixels = np.random.default_rng(0).standard_normal((3, 3, 64, 64)).astype(np.float32)
    opened, asked = onnxruntime.InferenceSession, []

    def noting(content, options, **more):
        try:
            asked.append(options.get_session_config_entry(FLOATING))
        except RuntimeError:  # it was not set
            asked.append(None)
        return opened(content, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noting)
    here = OnnxModel(tmp_path / "int8")(pixels).embeddings
    monkeypatch.setattr("lapel.runtime.onnx.exact_products", lambda: False)
    elsewhere = OnnxModel(tmp_path / "int8")(pixels).embeddings
    OnnxModel(tmp_path / "fp32")
    assert asked == [None if exact_products() else "1", "1", None]
    assert (here * elsewhere).sum(axis=2).min() > 0.99


def test_the_change_of_map_is_that_of_two_evaluations(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    source, items = make_checkpoint(), labelled(photos, tmp_path)
    found = export_checkpoint(source, tmp_path / "onnx", labelled=items).metric_change
    assert found is not None and found["split"] == "test" and found["protocol"] == "each-against-rest"
    model, card = checkpoints.load(source)
    for way, each in {"original": TorchModel(model, card), "exported": OnnxModel(tmp_path / "onnx")}.items():
        score = evaluate(each, items)
        assert found["fingerprint"] == score.data.fingerprint
        assert found["queries"] == sum(attribute.queries for attribute in score.attributes.values()) == 40
        assert found["overall"][way] == pytest.approx(score.overall, abs=1e-4)
        assert {n: f[way] for n, f in found["attributes"].items()} == pytest.approx(
            {name: attribute.map for name, attribute in score.attributes.items()}, abs=1e-4
        )
    assert json.loads((tmp_path / "onnx" / "certificate.json").read_text())["metric_change"] == found


def test_labels_that_the_model_does_not_know_write_nothing(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    items = labelled(photos, tmp_path, rename={"color": "heel", "sleeve": "sole"})
    with pytest.raises(InputError, match="No attribute in common"):
        export_checkpoint(make_checkpoint(), tmp_path / "onnx", labelled=items)
    assert not (tmp_path / "onnx").exists()


def test_a_photo_has_one_embedding_whatever_it_is_embedded_with(
    make_checkpoint: Make, photos: list[Path], tmp_path: Path
) -> None:
    export_checkpoint(make_checkpoint(), tmp_path / "onnx")
    model, mixed = OnnxModel(tmp_path / "onnx"), [*photos[::2], *photos[1::2]][::-1]
    alone, _ = embed(model, photos, [path.name for path in photos], batch=1)
    for batch in (3, 16, 64):
        together, _ = embed(model, mixed, [path.name for path in mixed], batch=batch)
        rows = [together.ids.index(name) for name in alone.ids]
        for name in ("embeddings", "regions", "values", "look"):
            found = getattr(together.outputs, name)[rows]
            assert found == pytest.approx(getattr(alone.outputs, name), abs=2e-6), (name, batch)
