"""A PyTorch model behind the call that ONNX models answer too."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from lapel.models.attribute_model import AttributeModel
from lapel.schema import Card, Floats, Outputs

Precision = Literal["fp32", "bf16"]


class TorchModel:
    """`lapel.schema.Model` over PyTorch.

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
        """See `lapel.schema.Model`."""
        batch = torch.from_numpy(pixels).to(self.device, memory_format=torch.channels_last)
        kind = torch.device(self.device).type
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
            given = self.model(batch)
        arrays = [None if part is None else np.ascontiguousarray(part.float().cpu().numpy()) for part in given]
        return Outputs(*arrays)  # type: ignore[arg-type]
