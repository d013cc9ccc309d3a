"""What one training step minimises: uint8 photos and labels in, a loss and the triplet accuracy out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lapel.losses.distorted import distorted_ranking
from lapel.losses.margin_ranking import margin_ranking, triplet_accuracy
from lapel.losses.pairs import relations
from lapel.models.attribute_model import AttributeModel, unit
from lapel.schema import Preprocess


class Step(NamedTuple):
    """loss: scalar with a graph. accuracy: share of triplets whose positive is the nearer one; ties are wrong."""

    loss: Tensor
    accuracy: Tensor


class Input(nn.Module):
    """uint8 (B, H, W, 3) -> normalised float (B, 3, H, W), on the model's own device: a quarter of the bytes travel."""

    mean: Tensor
    std: Tensor

    def __init__(self, preprocess: Preprocess, channels_last: bool = True) -> None:
        super().__init__()
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocess.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """As `lapel.images.normalise`, in PyTorch."""
        scaled = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255
        return ((scaled - self.mean) / self.std).contiguous(memory_format=self.layout)


class Objective(nn.Module):
    """Computes a `Step` from what its feed gives. criterion: holds the loss's own weights, where it has some."""

    criterion: nn.Module


class TripletObjective(Objective):
    """As published: anchor, negative and positive each in a forward of its own, in the order asked for, so that batch
    statistics belong to one role and running averages move three times a step; the margin ranking loss.
    """

    def __init__(self, model: AttributeModel, pixels: Input, margin: float, order: str = "anp") -> None:
        super().__init__()
        self.model, self.pixels, self.margin, self.order = model, pixels, margin, order
        self.criterion = nn.Module()  # no weights of its own

    def forward(self, attributes: Tensor, anchor: Tensor, negative: Tensor, positive: Tensor) -> Step:
        """Attributes (B,) int64; photos (B, H, W, 3) uint8."""
        x, y, z = self.pixels(anchor), self.pixels(negative), self.pixels(positive)
        near, far = self.model.similarities(x, y, z, attributes, self.order)
        return Step(margin_ranking(near, far, self.margin), triplet_accuracy(near, far).detach())


class DistortedObjective(Objective):
    """ASENet_V2+GD, for any model: the triplet's three forwards, then one a distorted copy of the anchor, each with
    batch statistics of its own; the mean of 1 + 2 * copies margin ranking terms.
    """

    def __init__(self, model: AttributeModel, pixels: Input, margin: float, order: str = "anp") -> None:
        super().__init__()
        self.model, self.pixels, self.margin, self.order = model, pixels, margin, order
        self.criterion = nn.Module()  # no weights of its own

    def forward(self, attributes: Tensor, anchor: Tensor, negative: Tensor, positive: Tensor, *copies: Tensor) -> Step:
        """Attributes (B,) int64; photos (B, H, W, 3) uint8."""
        roles = {"a": anchor, "n": negative, "p": positive}
        views = self.model.views(
            [self.pixels(photo) for photo in (*(roles[r] for r in self.order), *copies)], attributes
        )
        triplet = dict(zip(self.order, views, strict=False))
        found = distorted_ranking(triplet["a"], triplet["n"], triplet["p"], views[3:], self.margin)
        return Step(found.loss, found.accuracy.detach())


class BatchObjective(Objective):
    """Ours: all K attributes of every photo from one pass; a weighted sum of losses over the pairs in the batch.

    Distorted copies stand in the batch as further photos with the labels of their own: as anchors, and as positives of
    each other too, which the published loss does not have.
    """

    def __init__(self, model: AttributeModel, pixels: Input, criterion: nn.Module) -> None:
        super().__init__()
        self.model, self.pixels, self.criterion = model, pixels, criterion

    def forward(self, labels: Tensor, photos: Tensor, *copies: Tensor) -> Step:
        """Labels (B, V) bool, all-false slices unknown; photos and each set of copies (B, H, W, 3) uint8."""
        labels, photos = self.joined(labels, photos, *copies)
        return self.step(labels, embedded(self.model, self.model.backbone(self.pixels(photos))))

    @staticmethod
    def joined(labels: Tensor, photos: Tensor, *copies: Tensor) -> tuple[Tensor, Tensor]:
        """Labels and photos of the batch with the copies in it."""
        return (labels.repeat(1 + len(copies), 1), torch.cat([photos, *copies])) if copies else (labels, photos)

    def step(self, labels: Tensor, embeddings: Tensor) -> Step:
        """The losses over embeddings (B, K, D)."""
        return Step(
            self.criterion(embeddings, labels), batch_accuracy(embeddings.detach(), labels, self.model.values.sizes)
        )


def embedded(model: AttributeModel, features: Tensor) -> Tensor:
    """The backbone's maps (B, C, h, w) -> unit embeddings (B, K, D) in float32."""
    return unit(model.head.all(features).raw.float())


def batch_accuracy(embeddings: Tensor, labels: Tensor, sizes: tuple[int, ...], anchors: int = 32) -> Tensor:
    """Share of correctly ordered (anchor, positive, negative) among the triplets of the first `anchors` photos.

    Embeddings (B, K, D) unit; labels (B, V) bool. NaN when the batch holds no triplet at all.
    """
    right, total = embeddings.new_zeros(()), embeddings.new_zeros(())
    for k, positive, negative in relations(labels, sizes):
        cosine = embeddings[:anchors, k] @ embeddings[:, k].T
        asked = positive[:anchors, :, None] & negative[:anchors, None, :]
        right += (asked & (cosine[:, :, None] > cosine[:, None, :])).sum()
        total += asked.sum()
    return right / total
