"""The words of a model as two ONNX files and a vocabulary beside its picture file, and how far they differ."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from lapel.errors import MissingExtra
from lapel.runtime.onnx import COMPOSED, OnnxModel
from lapel.runtime.words import COMPOSE, COMPOSE_OUTPUTS, SAID, TEXT, TEXT_OUTPUTS, TOKENS, VOCABULARY
from lapel.schema import Floats, Outputs

try:
    import torch
    from torch import Tensor, nn

    from lapel.models.adapter import TorchModel
    from lapel.models.attribute_model import unit
    from lapel.models.composed.light import LightComposed
except ImportError as error:
    raise MissingExtra("Exporting a checkpoint") from error

PARTS = (TEXT, COMPOSE, VOCABULARY)
TEXTS = (
    "red dress", "but in navy blue", "with long sleeves", "striped shirt for men", "casual shoes", "the same for women",
    "replace black with white and a v-neck please", "Boys' t-shirt, size 8-9 years", "kurta", "in green instead of 绿",
)  # fmt: skip
"""Compared on, each with the sample's pictures in turn: short, long, with signs and words outside the vocabulary."""


class _Text(nn.Module):
    def __init__(self, head: LightComposed) -> None:
        super().__init__()
        self.text = head.text

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        said = self.text(tokens)[0]
        return unit(said), said


class _Compose(nn.Module):
    def __init__(self, head: LightComposed) -> None:
        super().__init__()
        self.head = head

    def forward(self, composed: Tensor, said: Tensor) -> Tensor:
        return self.head.joined(composed, said)


def write_words(head: LightComposed, folder: Path, opset: int) -> None:
    """Write `PARTS` into the folder."""
    tokens = head.tokens([TEXTS[0], TEXTS[6]])
    example = torch.nn.functional.normalize(torch.randn(2, head.dim), dim=1)
    length = {TOKENS: {0: "texts", 1: "length"}}
    _trace(_Text(head), (tokens,), folder / TEXT, [TOKENS], list(TEXT_OUTPUTS), length, opset)
    _trace(_Compose(head), (example, example), folder / COMPOSE, [COMPOSED, SAID], list(COMPOSE_OUTPUTS), {}, opset)
    (folder / VOCABULARY).write_bytes(bytes(head.vocabulary.cpu().numpy()))


def words_differences(original: TorchModel, exported: OnnxModel, seen: Outputs) -> dict[str, float]:
    """Greatest absolute differences: of texts' vectors, and of the sample's pictures after a change by words.

    seen: what the original gave for the sample; the change itself is compared, from the same vectors.
    """
    texts = [TEXTS[at % len(TEXTS)] for at in range(len(seen))]

    def gap(ours: Floats, theirs: Floats) -> float:
        return float(np.abs(ours - theirs).max(initial=0))

    alone = list(TEXTS)
    return {
        "text": gap(original.encode_text(alone), np.concatenate([exported.encode_text([text]) for text in alone])),
        "changed": gap(original.compose(seen, texts), exported.compose(seen, texts)),
    }


def _trace(
    part: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
    opset: int,
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
            dynamic_axes={name: {0: "texts"} for name in (*inputs, *outputs)} | axes,
            opset_version=opset,
        )
