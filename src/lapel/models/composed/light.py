"""The light dual encoder: text search and "like this, but ..." from the attribute model's one backbone pass. Ours.

A picture's vector pools the whole feature map and 13 regions of it (the places of FashionERN's crops, on the map); a
small text encoder shares its space; a composed system joins both. An image is embedded once, whatever is asked later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.errors import CheckpointError
from lapel.images.patches import boxes
from lapel.models.attribute_model import unit
from lapel.models.composed.light_text import LONGEST, LightText
from lapel.models.composed.systems import build_composed
from lapel.text import WordPiece

FROM_VECTOR = ("sum", "tirg", "combiner")
"""Systems that compose from the vector that a catalogue stores; FashionERN needs the 13 regions' too."""

START_SCALE = 20.0


def region_weights(height: int, width: int) -> Tensor:
    """(14, height * width): how much of each cell belongs to the whole map and to each of the 13 regions; sums to 1."""
    rows = [torch.ones(height, width)]
    for left, top, right, bottom in boxes(height, width):
        across = [max(0.0, min(right, at + 1) - max(left, at)) for at in range(width)]
        down = [max(0.0, min(bottom, at + 1) - max(top, at)) for at in range(height)]
        rows.append(torch.tensor(down)[:, None] * torch.tensor(across))
    weights = torch.stack(rows).flatten(1)
    return weights / weights.sum(dim=1, keepdim=True)


class LightImage(nn.Module):
    """Pooled places of a feature map -> the picture's vector and one for each region.

    Args:
        channels: C of the map. axes: principal axes of the places that are kept (`fit`). dim: d.
        grid: (h, w) of the map.
    """

    regions: Tensor
    centre: Tensor
    axes: Tensor

    def __init__(self, channels: int, axes: int, dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("regions", region_weights(*grid), persistent=False)
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("axes", torch.zeros(axes, channels))
        self.project = nn.Linear(axes, dim)
        self.weight = nn.Linear(dim, 1)
        self.place = nn.Parameter(torch.zeros(len(self.regions)))
        self.deepen = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def fit(self, places: Tensor) -> None:
        """Take the principal axes of training places (N, 14, C); each is scaled to the fourth root of its variance."""
        flat = places.flatten(0, 1).double()
        self.centre.copy_(flat.mean(dim=0))
        flat -= flat.mean(dim=0)
        spread, axes = torch.linalg.eigh(flat.T @ flat / len(flat))
        spread, axes = spread.flip(0)[: len(self.axes)], axes.flip(1)[:, : len(self.axes)]
        axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
        self.axes.copy_((axes / spread.clamp(min=1e-9).pow(0.25)).T)

    def pool(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> places (B, 14, C): the whole map's mean, then the regions'."""
        return torch.einsum("pn,bcn->bpc", self.regions, features.flatten(2))

    def reduce(self, places: Tensor) -> Tensor:
        """(B, 14, C) -> (B, 14, axes); fixed after `fit`, so training runs it once."""
        return (places - self.centre) @ self.axes.T

    def forward(self, reduced: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 14, axes) -> picture (B, d), unit length, and regions (B, 13, d)."""
        seen = self.project(reduced)
        share = (self.weight(torch.tanh(seen)).squeeze(-1) + self.place).softmax(dim=1)
        pooled = (share[..., None] * seen).sum(dim=1)
        return unit(pooled + self.deepen(pooled)), seen[:, 1:]


class LightComposed(nn.Module):
    """Both encoders and a composed system over them; `forward` gives `Outputs.composed`.

    Args:
        channels, grid: of the backbone's map.
        settings: `dim`, `axes`, `system`, `options` (of the system), `tokens` and `width` (of the word table),
            `layers`, `vocabulary` (bytes of the vocabulary file); kept in the card as `architecture["composed"]`.

    Raises:
        CheckpointError: settings that these parts do not take. UnknownName: no such system.
    """

    vocabulary: Tensor

    def __init__(self, channels: int, grid: tuple[int, int], settings: Mapping[str, Any]) -> None:
        super().__init__()
        try:
            dim = int(settings["dim"])
            self.image = LightImage(channels, int(settings["axes"]), dim, grid)
            self.text = LightText(int(settings["tokens"]), int(settings["width"]), dim, int(settings["layers"]))
            self.kind = str(settings["system"])
            self.system = build_composed(self.kind, dim, **settings.get("options", {}))
            self.register_buffer("vocabulary", torch.zeros(int(settings["vocabulary"]), dtype=torch.uint8))
        except KeyError as error:
            raise CheckpointError(f"The composed-search head's settings lack {error}.") from error
        self.dim, self.about = dim, dict(settings)
        self.scale = nn.Parameter(torch.tensor(START_SCALE).log())
        self._wordpiece: WordPiece | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Feature maps (B, C, h, w) -> (B, d), unit length."""
        return self.target(self.image.reduce(self.image.pool(features)))

    def target(self, reduced: Tensor) -> Tensor:
        """Reduced places (B, 14, axes) -> (B, d), unit length: a picture of the gallery."""
        return self.system.target(*self.image(reduced))

    def query(self, reduced: Tensor, tokens: Tensor) -> Tensor:
        """Reduced places of references and their changes' tokens (B, T) -> (B, d), unit length."""
        image, regions = self.image(reduced)
        text, words = self.text(tokens)
        return self.system.query(image, regions, text, LightText.places(words))

    def say(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T) -> (B, d), unit length: comparable with `target`."""
        return unit(self.text(tokens)[0])

    def change(self, composed: Tensor, tokens: Tensor) -> Tensor:
        """What a catalogue stores (B, d) and the changes' tokens -> (B, d), unit length."""
        return self.joined(composed, self.text(tokens)[0])

    def joined(self, composed: Tensor, said: Tensor) -> Tensor:
        """As `change`, with the text encoder's vectors (B, d), not normalised."""
        return self.system.query(composed, composed[:, None], said, said[:, None])

    @property
    def logit_scale(self) -> Tensor:
        """What cosines are multiplied by in training, at most 100."""
        return self.scale.exp().clamp(max=100)

    def set_vocabulary(self, content: bytes) -> None:
        """Keep the vocabulary file with the weights."""
        self.vocabulary.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))

    def take(self, system: str, options: Mapping[str, Any]) -> None:
        """Put an untaught composed system in the place of the present one."""
        self.system, self.kind = build_composed(system, self.dim, **options), system
        self.about |= {"system": system, "options": dict(options)}

    def tokens(self, texts: list[str], longest: int = LONGEST) -> Tensor:
        """(n, T) token numbers, cut at `longest`."""
        if self._wordpiece is None:
            self._wordpiece = WordPiece(bytes(self.vocabulary.cpu().numpy()).decode().splitlines())
        return torch.from_numpy(self._wordpiece.batch(texts, longest))


def contrastive(scores: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy to the diagonal of (B, N), N >= B; further right answers, where `same` is true, count as neither.

    same: (B, N) bool, its diagonal ignored.
    """
    others = same & ~torch.eye(*scores.shape, dtype=torch.bool, device=scores.device)
    return F.cross_entropy(scores.masked_fill(others, -1e4), torch.arange(len(scores), device=scores.device))
