"""A PyTorch model behind the call that ONNX models answer too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from lapel.errors import QueryError
from lapel.images import fit, normalise, pictures_of
from lapel.models.attribute_model import AttributeModel
from lapel.models.composed.light import LightComposed
from lapel.models.crop_model import CropModel
from lapel.schema import NO_WORDS, Card, Floats, Outputs, Preprocess

Precision = Literal["fp32", "bf16"]


class TorchModel:
    """`lapel.schema.PhotoModel` over PyTorch.

    precision: "bf16" autocasts; on CPUs with bf16 instructions it is several times faster.
    """

    def __init__(self, model: AttributeModel, card: Card, device: str = "cpu", precision: Precision = "fp32") -> None:
        self.model = model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._card, self.device, self.precision = card, device, precision

    @property
    def card(self) -> Card:
        """What the model is."""
        return self._card

    def __call__(self, pixels: Floats) -> Outputs:
        """See `lapel.schema.Model`; a crop model's crops are cut out of the input, which is coarser than the photo."""
        batch = torch.from_numpy(pixels)
        if isinstance(self.model, CropModel):
            asked = self._card.preprocess
            return self._outputs(batch, pictures_of(pixels, asked), replace(asked.whole, resize="stretch"))
        return self._outputs(batch, (), self._card.preprocess)

    def photos(self, photos: Sequence[Image]) -> Outputs:
        """See `lapel.schema.PhotoModel`."""
        asked = self._card.preprocess
        pixels = normalise(np.stack([fit(photo, asked) for photo in photos]), asked)
        return self._outputs(torch.from_numpy(pixels), photos, asked)

    def encode_text(self, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`.

        Raises:
            QueryError: a model that was taught no words.
        """
        with torch.inference_mode():
            head = self._words()
            return head.say(head.tokens(texts).to(self.device)).cpu().numpy()

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`.

        Raises:
            QueryError: a model that was taught no words, or outputs of one.
        """
        head = self._words()
        if outputs.composed is None:
            raise QueryError(NO_WORDS.format(self._card.name))
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(outputs.composed)).to(self.device)
            return head.change(given, head.tokens(texts).to(self.device)).cpu().numpy()

    def _words(self) -> LightComposed:
        head = self.model.composed
        if not isinstance(head, LightComposed):
            raise QueryError(NO_WORDS.format(self._card.name))
        return head

    def _outputs(self, pixels: Tensor, photos: Sequence[Image], preprocess: Preprocess) -> Outputs:
        batch = pixels.to(self.device, memory_format=torch.channels_last)
        kind = torch.device(self.device).type
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
            crops = isinstance(self.model, CropModel)
            given = self.model.see(batch, photos, preprocess) if crops else self.model(batch)
        arrays = [None if part is None else np.ascontiguousarray(part.float().cpu().numpy()) for part in given]
        return Outputs(*arrays)  # type: ignore[arg-type]
