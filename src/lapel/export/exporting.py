"""Export a checkpoint to ONNX (fp32, or int8 by static quantisation) and certify it against PyTorch."""

from __future__ import annotations

import platform
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, fromarray

from lapel.errors import ImageError, InputError, MissingExtra, ModelError
from lapel.export.certificate import Certificate, greatest_differences, rank_overlap, write_certificate
from lapel.export.loading import run_checkpoint
from lapel.export.metric_change import metric_change
from lapel.export.two_graphs import write_graphs
from lapel.export.words_graphs import PARTS, words_differences, write_words
from lapel.images import crop_boxes, decode_side, fit, normalise, open_image, read_images
from lapel.progress import Progress
from lapel.runtime.onnx import CARD, CERTIFICATE, COMPOSED, INPUT, LOCAL, MODEL, OUTPUTS, OnnxModel, file_sha256
from lapel.schema import Card, Floats, ItemTable, Outputs

try:
    import torch
    from torch import Tensor, nn

    from lapel.models import checkpoint as checkpoints
    from lapel.models.adapter import TorchModel
    from lapel.models.attribute_model import AttributeModel
    from lapel.models.composed.light import LightComposed
    from lapel.models.crop_model import CropModel
except ImportError as error:
    raise MissingExtra("Exporting a checkpoint") from error

OPSET = 17
NEIGHBOURS = 10
NOISE_SAMPLE = 32
PHOTOS = 128
"""Photos compared, and as many others calibrated on: more change nothing but the time it takes."""

LEAST = 8
"""Fewer photos than this cannot show whether ranks stay."""

BATCH = 16

Precision = Literal["fp32", "int8"]


def export_checkpoint(
    checkpoint: str | Path,
    out: str | Path,
    *,
    int8: bool = False,
    sample: Sequence[str | Path] | None = None,
    labelled: ItemTable | None = None,
    progress: Progress | None = None,
) -> Certificate:
    """Write `model.onnx`, `card.json` and `certificate.json` into a new folder.

    Args:
        checkpoint: a .safetensors file, or a run folder (its best checkpoint is taken).
        out: the folder; it must not exist. It appears only when the export has passed.
        int8: 8-bit convolutions, calibrated on every second photo of `sample`, compared on the others; such a model
            has a fingerprint of its own.
        sample: photos to compare on: at most 128 (256 for int8), evenly from the list; unreadable ones are left out.
            None compares on noise, which int8 refuses.
        labelled: photos on whose test split (or all, without splits) both models' MAP is measured and certified.
        progress: of measuring MAP; advances once a photo and model.

    Raises:
        InputError: `out` exists; int8 without photos; or `labelled` shares no attribute with the model.
        CheckpointError: the checkpoint cannot be read.
        ModelError: the exported model differs from the original by more than its precision allows.
    """
    target = Path(out)
    if target.exists():
        raise InputError(f"'{target}' exists; export into a new folder, or delete it first.")
    if int8 and not sample:
        raise InputError("int8 is calibrated on photos; name a folder or table of them (--sample PHOTOS).")
    model, card = checkpoints.load(run_checkpoint(checkpoint))
    if card.crops is not None and int8:
        raise InputError(f"'{card.name}' is of two branches, which are exported in fp32 only. Leave --int8 out.")
    compared, calibration = _sample_photos(card, sample) if card.crops else _sample_pixels(card, sample, int8)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = Path(scratch) / "export"
        folder.mkdir()
        card = _write(model, card, folder, calibration)
        certificate = _certify(model, card, folder, "int8" if int8 else "fp32", compared, noise=not sample)
        if not certificate.passes:
            raise ModelError(
                f"The {certificate.precision} export of '{card.name}' differs too much from the original: embeddings "
                f"by {certificate.differences['embeddings']:.2g}, mean rank overlap {certificate.mean_overlap:.3f}. "
                "Nothing was written."
            )
        if labelled is not None:
            change = metric_change(TorchModel(model, card), OnnxModel(folder), labelled, progress)
            certificate = replace(certificate, metric_change=change.to_dict())
            write_certificate(certificate, folder / CERTIFICATE)
        folder.rename(target)
    return certificate


class _Named(nn.Module):
    """The model as a function of pixels to a plain tuple, which is what the exporter can name."""

    def __init__(self, model: AttributeModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(part for part in self.model(pixels) if part is not None)


def _write(model: AttributeModel, card: Card, folder: Path, calibration: Floats | None) -> Card:
    """The ONNX file and the card; the weights of an 8-bit model are another model's, and its card says so."""
    path = folder / MODEL
    if isinstance(model, CropModel):
        write_graphs(model, card, folder, OPSET)
    else:
        _trace(model, card, path)
        if isinstance(model.composed, LightComposed):
            write_words(model.composed, folder, OPSET)
    if calibration is not None:
        from lapel.export.quantising import quantise

        whole = path.rename(path.with_suffix(".fp32.onnx"))
        quantise(whole, path, calibration)
        whole.unlink()
        card = card.with_(weights_sha256=f"{card.weights_sha256} int8 {file_sha256(path)}")
    (folder / CARD).write_text(card.to_json(), encoding="utf-8")
    return card


def _trace(model: AttributeModel, card: Card, path: Path) -> None:
    example = torch.zeros(2, 3, card.preprocess.height, card.preprocess.width)
    names = [*OUTPUTS, *([COMPOSED] if card.composed_dim else [])]
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
            output_names=names,
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *names)},
            opset_version=OPSET,
        )


def _sample_pixels(card: Card, sample: Sequence[str | Path] | None, int8: bool) -> tuple[Floats, Floats | None]:
    """Inputs (N, 3, H, W) to compare on, and others to calibrate on."""
    asked = card.preprocess
    if not sample:
        noise = np.random.default_rng(0).standard_normal((NOISE_SAMPLE, 3, asked.height, asked.width))
        return noise.astype(np.float32), None
    count = PHOTOS * 2 if int8 else PHOTOS
    least = LEAST * 2 if int8 else LEAST
    kept = [fit(picture, asked) for picture in _readable(sample, count, decode_side(asked), least)]
    pixels = normalise(np.stack(kept), asked)
    return (pixels[1::2], pixels[::2]) if int8 else (pixels, None)


def _sample_photos(card: Card, sample: Sequence[str | Path] | None) -> tuple[list[Image], None]:
    """Whole photos to compare a model that crops on, none to calibrate; noise is half as large again as its input."""
    if sample:
        return _readable(sample, PHOTOS, None, LEAST), None
    rng, side = np.random.default_rng(0), (card.preprocess.height * 3 // 2, card.preprocess.width * 3 // 2)
    return [fromarray(rng.integers(0, 256, (*side, 3), dtype=np.uint8)) for _ in range(NOISE_SAMPLE)], None


def _readable(sample: Sequence[str | Path], count: int, target: int | None, least: int) -> list[Image]:
    """`count` of the sample's photos, evenly from the list; those that cannot be read are left out."""
    # Folders come sorted by class: the first photos would be of one kind.
    chosen = [sample[int(at)] for at in np.linspace(0, len(sample) - 1, min(count, len(sample)))]
    read = read_images(chosen, open=partial(open_image, target=target), skip=True)
    kept = [picture for _, picture in read if not isinstance(picture, ImageError)]
    if len(kept) < least:
        raise InputError(f"The sample holds {len(kept)} readable photos; give at least {least}.")
    return kept


def _certify(
    model: AttributeModel, card: Card, folder: Path, precision: Precision, pixels: Floats | list[Image], noise: bool
) -> Certificate:
    """Run both models on the sample, measure, and write the certificate that the exported one is then opened with."""
    facts = {
        "fingerprint": card.fingerprint,
        "sha256": file_sha256(folder / MODEL),
        "precision": precision,
        "bytes": (folder / MODEL).stat().st_size,
        "sample": len(pixels),
        "noise": noise,
        # Of few pictures everybody is everybody's neighbour, which would say nothing.
        "neighbours": max(1, min(NEIGHBOURS, len(pixels) // 4)),
        "values_fitted": card.values_fitted,
        "opset": OPSET,
        "parts": {name: file_sha256(folder / name) for name in (LOCAL, *PARTS) if (folder / name).is_file()},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("lapel", "torch", "onnxruntime")},
    }
    empty = Certificate(**facts, differences={}, rank_overlap={})  # type: ignore[arg-type]
    write_certificate(empty, folder / CERTIFICATE)
    torch_model, onnx_model = TorchModel(model, card), OnnxModel(folder)
    original, exported = _run(torch_model, pixels), _run(onnx_model, pixels)
    spoken = words_differences(torch_model, onnx_model, original) if card.composed_dim else {}
    overlap = {
        name: rank_overlap(original.embeddings[:, k], exported.embeddings[:, k], empty.neighbours)
        for k, name in enumerate(card.vocabulary.names)
    }
    moved = None if isinstance(pixels, np.ndarray) else _moved(card, pixels, original, exported)
    measured = {
        "differences": greatest_differences(original, exported, moved) | spoken,
        "boxes_moved": None if moved is None else float(moved.mean()),
    }
    certificate = Certificate(**facts, **measured, rank_overlap=overlap)  # type: ignore[arg-type]
    write_certificate(certificate, folder / CERTIFICATE)
    return certificate


def _run(model: TorchModel | OnnxModel, sample: Floats | list[Image]) -> Outputs:
    parts = [sample[start : start + BATCH] for start in range(0, len(sample), BATCH)]
    return Outputs.join([model(part) if isinstance(part, np.ndarray) else model.photos(part) for part in parts])


def _moved(card: Card, photos: list[Image], original: Outputs, exported: Outputs) -> NDArray[np.bool_]:
    """(B, K): where the two models cut different crops."""
    assert card.crops is not None
    sizes = np.repeat([photo.size for photo in photos], len(card.vocabulary), axis=0)
    found = [
        crop_boxes(given.regions.reshape(-1, *given.regions.shape[2:]), sizes, card.preprocess, card.crops.threshold)
        for given in (original, exported)
    ]
    moved: NDArray[np.bool_] = (found[0] != found[1]).any(axis=1).reshape(len(photos), -1)
    return moved
