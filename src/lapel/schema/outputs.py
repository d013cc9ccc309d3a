"""What a model gives for a batch of pictures, and what a whole set of embedded items looks like (NumPy)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from lapel.errors import ShapeError
from lapel.schema.card import Card

Floats = NDArray[np.float32]

NO_WORDS = "The model '{}' was taught no words; `lapel add-words` adds them, then index the photos with the new model."
"""What is said to a text or a change by words where the model has no composed-search head."""


@dataclass(frozen=True)
class Outputs:
    """The model contract: everything one backbone pass gives for B pictures.

    embeddings: (B, K, D), unit length along D.
    regions: (B, K, h, w), each map non-negative and summing to 1; uniform when the system does not attend.
    values: (B, V) probabilities; each attribute's slice (`vocabulary.slices`) sums to 1.
    look: (B, L), unit length: the whole look, no attribute asked.
    composed: (B, C) unit length, or None when the model has no composed-search embedding.
    """

    embeddings: Floats
    regions: Floats
    values: Floats
    look: Floats
    composed: Floats | None = None

    def __len__(self) -> int:
        return len(self.embeddings)

    @classmethod
    def join(cls, parts: Sequence[Outputs]) -> Outputs:
        """Stack batches along B."""
        composed = [p.composed for p in parts if p.composed is not None]
        return cls(
            np.concatenate([p.embeddings for p in parts]),
            np.concatenate([p.regions for p in parts]),
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.look for p in parts]),
            np.concatenate(composed) if composed else None,
        )


class Model(Protocol):
    """Anything that embeds: an ONNX session, or a PyTorch model behind the same call."""

    @property
    def card(self) -> Card:
        """What the model is; gives preprocessing, vocabulary and shapes."""
        ...

    def __call__(self, pixels: Floats) -> Outputs:
        """(B, 3, height, width) float32, preprocessed as the card says -> Outputs."""
        ...


@runtime_checkable
class PhotoModel(Protocol):
    """A model that can look at the photos themselves; one with `card.crops` has to, to see regions closely.

    Called with pixels alone, such a model cuts its crops out of the input, which is coarser than the photo.
    """

    @property
    def card(self) -> Card:
        """What the model is."""
        ...

    def photos(self, photos: Sequence[Image]) -> Outputs:
        """RGB photos of any size, undistorted and uncut -> Outputs."""
        ...


@runtime_checkable
class TextModel(Protocol):
    """What a model with a composed-search head can do besides; its outputs have `composed`, (B, C) unit length."""

    def encode_text(self, texts: list[str]) -> Floats:
        """(n, C) unit length: what the texts say, comparable with `Outputs.composed`."""
        ...

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        """(n, C) unit length: each of the n references after the change that its text asks for."""
        ...


@dataclass(frozen=True)
class EmbeddingTable:
    """N embedded items: ids in order, their outputs, and which model made them."""

    ids: tuple[str, ...]
    outputs: Outputs
    card: Card

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.outputs):
            raise ShapeError(f"{len(self.ids)} ids for {len(self.outputs)} embeddings.")

    def block(self, attribute: str) -> Floats:
        """(N, D): the embeddings of one attribute, a contiguous copy."""
        return np.ascontiguousarray(self.outputs.embeddings[:, self.card.vocabulary.index(attribute)])
