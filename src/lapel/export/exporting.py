"""Export a checkpoint to ONNX (fp32, or int8 by static quantisation) and certify it against PyTorch."""

from __future__ import annotations

import logging
import platform
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from lapel.errors import ImageError, InputError, MissingExtra, ModelError
from lapel.export.certificate import Certificate, greatest_differences, rank_overlap, write_certificate
from lapel.images import fit, normalise, read_images
from lapel.runtime.onnx import CARD, CERTIFICATE, INPUT, MODEL, OUTPUTS, OnnxModel, file_sha256
from lapel.schema import Card, Floats, Model, Outputs

try:
    import torch
    from torch import Tensor, nn

    from lapel.models import checkpoint as checkpoints
    from lapel.models.adapter import TorchModel
    from lapel.models.attribute_model import AttributeModel
except ImportError as error:
    raise MissingExtra("Exporting a checkpoint") from error

OPSET = 17
NEIGHBOURS = 10
NOISE_SAMPLE = 32
CALIBRATION = 128
BATCH = 16

Precision = Literal["fp32", "int8"]


def export_checkpoint(
    checkpoint: str | Path, out: str | Path, *, int8: bool = False, sample: Sequence[str | Path] | None = None
) -> Certificate:
    """Write `model.onnx`, `card.json` and `certificate.json` into a new folder.

    Args:
        checkpoint: a .safetensors file, or a run folder (its best checkpoint is taken).
        out: the folder; it must not exist. It appears only when the export has passed.
        int8: quantise weights and activations (QDQ, per channel), calibrated on `sample`; another fingerprint.
        sample: photos to compare on (unreadable ones are left out); None compares on noise, which int8 refuses.

    Raises:
        InputError: `out` exists; or int8 without photos.
        CheckpointError: the checkpoint cannot be read.
        ModelError: the exported model differs from the original by more than its precision allows.
    """
    target = Path(out)
    if target.exists():
        raise InputError(f"'{target}' exists; export into a new folder, or delete it first.")
    if int8 and not sample:
        raise InputError("int8 is calibrated on photos; name a folder or table of them (--sample PHOTOS).")
    model, card = checkpoints.load(run_checkpoint(checkpoint))
    pixels = _sample_pixels(card, sample)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = Path(scratch) / "export"
        folder.mkdir()
        card = _write(model, card, folder, "int8" if int8 else "fp32", pixels)
        certificate = _certify(model, card, folder, "int8" if int8 else "fp32", pixels, noise=not sample)
        if not certificate.passes:
            raise ModelError(
                f"The {certificate.precision} export of '{card.name}' differs too much from the original: embeddings "
                f"by {certificate.differences['embeddings']:.2g}, mean rank overlap "
                f"{np.mean(list(certificate.rank_overlap.values())):.3f}. Nothing was written."
            )
        shutil.move(str(folder), target)
    return certificate


def run_checkpoint(path: str | Path) -> Path:
    """The checkpoint file that a path means: the file itself, or a run folder's best (else last) one."""
    path = Path(path)
    if path.is_dir():
        for name in ("best.safetensors", "last.safetensors"):
            if (path / name).is_file():
                return path / name
        raise InputError(f"'{path}' is no run folder: it holds no best.safetensors or last.safetensors.")
    return path


class _Named(nn.Module):
    """The model as a function of pixels to a plain tuple, which is what the exporter can name."""

    def __init__(self, model: AttributeModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        given = self.model(pixels)
        return given.embeddings, given.regions, given.values, given.look


def _write(model: AttributeModel, card: Card, folder: Path, precision: Precision, pixels: Floats) -> Card:
    """The ONNX file and the card; the card's weights are those of this precision."""
    path = folder / MODEL
    _trace(model, card, path)
    if precision == "int8":
        _quantise(path, pixels)
        card = card.with_(weights_sha256=f"{card.weights_sha256}:int8")
    (folder / CARD).write_text(card.to_json())
    return card


def _trace(model: AttributeModel, card: Card, path: Path) -> None:
    example = torch.zeros(2, 3, card.preprocess.height, card.preprocess.width)
    axes = {name: {0: "batch"} for name in (INPUT, *OUTPUTS)}
    with warnings.catch_warnings():
        # The tracing exporter is announced as the older of two; it folds batch norm, keeps the batch axis free,
        # and is ten times faster here. Its trace-time remarks are about constants that are constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Named(model).eval(),
            (example,),
            str(path),
            dynamo=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=OPSET,
        )


def _quantise(path: Path, pixels: Floats) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Photos(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(np.array_split(pixels, max(1, len(pixels) // BATCH)))

        def get_next(self) -> dict[str, Floats] | None:
            batch = next(self.left, None)
            return None if batch is None else {INPUT: batch}

    whole = path.with_suffix(".fp32.onnx")
    path.rename(whole)
    logging.getLogger().setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            whole,
            path,
            Photos(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
    whole.unlink()


def _sample_pixels(card: Card, sample: Sequence[str | Path] | None) -> Floats:
    asked = card.preprocess
    if not sample:
        noise = np.random.default_rng(0).standard_normal((NOISE_SAMPLE, 3, asked.height, asked.width))
        return noise.astype(np.float32)
    read = read_images(list(sample)[:CALIBRATION], skip=True)
    kept = [fit(picture, asked) for _, picture in read if not isinstance(picture, ImageError)]
    if len(kept) <= NEIGHBOURS:
        raise InputError(f"The sample holds {len(kept)} readable photos; give more than {NEIGHBOURS}.")
    return normalise(np.stack(kept), asked)


def _certify(
    model: AttributeModel, card: Card, folder: Path, precision: Precision, pixels: Floats, noise: bool
) -> Certificate:
    """Run both models on the sample, measure, and write the certificate that the exported one is then opened with."""
    facts = {
        "fingerprint": card.fingerprint,
        "sha256": file_sha256(folder / MODEL),
        "precision": precision,
        "bytes": (folder / MODEL).stat().st_size,
        "sample": len(pixels),
        "noise": noise,
        "neighbours": min(NEIGHBOURS, len(pixels) - 1),
        "values_fitted": card.values_fitted,
        "opset": OPSET,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("lapel", "torch", "onnxruntime")},
    }
    empty = Certificate(**facts, differences={}, rank_overlap={})  # type: ignore[arg-type]
    write_certificate(empty, folder / CERTIFICATE)
    original, exported = _run(TorchModel(model, card), pixels), _run(OnnxModel(folder), pixels)
    overlap = {
        name: rank_overlap(original.embeddings[:, k], exported.embeddings[:, k], empty.neighbours)
        for k, name in enumerate(card.vocabulary.names)
    }
    differences = greatest_differences(original, exported)
    certificate = Certificate(**facts, differences=differences, rank_overlap=overlap)  # type: ignore[arg-type]
    write_certificate(certificate, folder / CERTIFICATE)
    return certificate


def _run(model: Model, pixels: Floats) -> Outputs:
    parts = [model(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
    return Outputs.join(parts)
