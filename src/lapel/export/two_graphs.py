"""A model of two branches as two ONNX files, between which the photos are cropped by `lapel.images.cropping`.

| file | takes | gives |
|---|---|---|
| model.onnx | pixels (B, 3, H, W) | whole (B, K, D_global) not normalised, regions, look |
| local.onnx | crops (B, K, 3, h, w), whole | embeddings (B, K, D) unit, values (B, V) |
"""

from __future__ import annotations

import warnings
from pathlib import Path

from lapel.errors import MissingExtra
from lapel.runtime.onnx import CROPS, INPUT, LOCAL, LOCAL_OUTPUTS, MODEL, WHOLE, WHOLE_OUTPUTS
from lapel.schema import Card

try:
    import torch
    from torch import Tensor, nn

    from lapel.models.crop_model import CropModel
except ImportError as error:
    raise MissingExtra("Exporting a checkpoint") from error


class _Global(nn.Module):
    def __init__(self, model: CropModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.model.backbone(pixels)
        whole, regions = self.model.head.all(features)
        return whole, regions, self.model.look(features)


class _Local(nn.Module):
    def __init__(self, model: CropModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        table = self.model.head.attr_embedding.weight  # type: ignore[union-attr]
        asked = table.expand(crops.shape[0], -1, -1).flatten(0, 1)  # type: ignore[operator]
        part = self.model.local(crops.flatten(0, 1), asked).reshape(whole.shape[0], whole.shape[1], -1)
        embeddings = self.model.join(whole, part)
        return embeddings, self.model.values(embeddings)


def write_graphs(model: CropModel, card: Card, folder: Path, opset: int) -> None:
    """Write both files into the folder."""
    asked, crops, many = card.preprocess, model.crops, len(card.vocabulary)
    pixels = torch.zeros(2, 3, asked.height, asked.width)
    parts = torch.zeros(2, many, 3, crops.height, crops.width)
    whole = torch.zeros(2, many, model.head.dim)
    _trace(_Global(model), (pixels,), folder / MODEL, [INPUT], list(WHOLE_OUTPUTS), opset)
    _trace(_Local(model), (parts, whole), folder / LOCAL, [CROPS, WHOLE], list(LOCAL_OUTPUTS), opset)


def _trace(
    part: nn.Module, example: tuple[Tensor, ...], path: Path, inputs: list[str], outputs: list[str], opset: int
) -> None:
    with warnings.catch_warnings():
        # As for models of one graph: the tracing exporter, whose remarks are about constants that are constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part.eval(),
            example,
            str(path),
            dynamo=False,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=opset,
        )
