"""The untrained baseline: a pretrained backbone's globally pooled map, the same vector under every attribute."""

from __future__ import annotations

from torch import Tensor

from lapel.errors import UnknownName
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import AttributeHead, AttributeModel, HeadOutput
from lapel.models.backbones import PACKAGED, build_backbone, weights_sha256
from lapel.models.triplet import uniform_regions
from lapel.schema import Card, Preprocess, Vocabulary

PREFIX = "imagenet:"
"""`imagenet:efficientnet_lite0` names the pooled ImageNet features of a backbone wherever a model may be named."""

BASELINES = (f"{PREFIX}efficientnet_lite0",)

WHOLE_PICTURE = Preprocess(height=256, width=192, resize="stretch", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""The whole picture at 256 x 192, whatever its shape; Lite0's own mean and deviation."""


class PooledHead(AttributeHead):
    """The mean of the map over its positions, under every attribute; nothing to train.

    Args:
        channels: C, which is also D.
        attributes: K.
    """

    attends = False

    def __init__(self, channels: int, attributes: int) -> None:
        super().__init__()
        self.attributes, self.dim = attributes, channels

    def forward(self, features: Tensor, attributes: Tensor) -> HeadOutput:
        """See `AttributeHead.forward`."""
        return HeadOutput(features.mean(dim=(2, 3)), uniform_regions(features))

    def all(self, features: Tensor) -> HeadOutput:
        """See `AttributeHead.all`."""
        pooled, regions = features.mean(dim=(2, 3)), uniform_regions(features)
        count = self.attributes
        return HeadOutput(pooled[:, None].expand(-1, count, -1), regions[:, None].expand(-1, count, -1, -1))


def imagenet_model(name: str, vocabulary: Vocabulary, device: str = "cpu") -> TorchModel:
    """The baseline that every trained model has to beat: pooled ImageNet features, compared by cosine.

    Args:
        name: one of `BASELINES`.
        vocabulary: the attributes to answer for, usually the data's; each gets the same embedding.
        device: where to run.

    Raises:
        UnknownName: no such baseline.
        MissingExtra: the packaged weights are not installed.
    """
    if name not in BASELINES:
        raise UnknownName("baseline", name, BASELINES)
    trunk = name.removeprefix(PREFIX)
    backbone = build_backbone(trunk, weights=PACKAGED)
    head = PooledHead(backbone.channels, len(vocabulary))
    sha256 = weights_sha256(trunk, PACKAGED)
    card = Card(
        name=name,
        system="pooled",
        backbone=trunk,
        vocabulary=vocabulary,
        preprocess=WHOLE_PICTURE,
        dim=head.dim,
        look_dim=backbone.channels,
        grid=(WHOLE_PICTURE.height // backbone.stride, WHOLE_PICTURE.width // backbone.stride),
        weights_sha256=sha256,
        pretrained=f"{PACKAGED} sha256:{sha256}",
        attends=False,
        notes="Untrained: globally pooled ImageNet features, the same under every attribute.",
    )
    sizes = tuple(len(attribute.values) for attribute in vocabulary)
    return TorchModel(AttributeModel(backbone, head, sizes), card, device)
