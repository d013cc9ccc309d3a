"""Style classifiers on ASEN++'s global branch: one attribute, one class a photo.

`style` is the released ArcStyleClassification, `style_v1` its first version, StyleClassification.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lapel.errors import InputError
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeModel, ModelOutput, unit

ARC_SCALE = 10.0
"""The published scale of the margin head: the inverse temperature of a model whose own was never fitted."""

MOST_SCALE = 40.0
"""Greatest inverse temperature that is fitted: the published score is recovered from the probabilities (see
`lapel.classifying`), which must not underflow."""


class StyleHead(ASENPPHead):
    """ASEN++'s global attention for one attribute, and a classifier on what it gives.

    channels: C of the map that attention reads. attributes: must be 1. classes: number of styles.
    """

    start_scale: float = 1.0

    def __init__(self, channels: int, attributes: int, classes: int, dim: int | None = None, hidden: int = 512) -> None:
        if attributes != 1:
            raise InputError(
                f"A style classifier learns one attribute, not {attributes}: --set data.attributes=[style] names it."
            )
        super().__init__(channels, attributes, dim, hidden)
        self.classes = classes

    @abstractmethod
    def logits(self, features: Tensor, raw: Tensor) -> Tensor:
        """Features (B, C, h, w) and the attribute's embedding before normalisation (B, D) -> (B, classes)."""


class ArcStyleHead(StyleHead):
    """The released classifier: attribute embedding and pooled last map, joined; cosines to one vector a class.

    With x3 the map that attention reads, x4 = top(x3) (layer4 of ResNet-50), z ASEN++'s embedding of x3:

        g = fc(mean of x4)      u = fc1 [z ; g]  (dropout, two linear layers, dropout, a linear layer)
        cos_k = u/|u| . W_k/|W_k|

    Logits are bare cosines, at inference too. Differs from the published code: x4 may have any size (theirs is pooled
    over 7 x 7), and without `top` (a map that is the backbone's last) x4 is x3.

    Args:
        channels, attributes, classes: see `StyleHead`. dim: D of z, and of g (1024 as published).
        top: from x3 to x4. top_channels: of x4; 0 is C.
        wide, features: widths inside fc1 (published: 1024, 512).
    """

    start_scale = ARC_SCALE

    def __init__(
        self,
        channels: int,
        attributes: int,
        classes: int,
        dim: int | None = None,
        hidden: int = 512,
        top: nn.Module | None = None,
        top_channels: int = 0,
        wide: int = 1024,
        features: int = 512,
    ) -> None:
        super().__init__(channels, attributes, classes, dim, hidden)
        self.top = top or nn.Identity()
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.xavier_uniform_(self.weight)
        self.pooled_fc = nn.Linear(top_channels or channels, self.dim)
        self.joined = nn.Sequential(
            nn.Dropout(0.1),
            nn.Linear(2 * self.dim, wide),
            nn.Linear(wide, wide),
            nn.Dropout(0.05),
            nn.Linear(wide, features),
        )

    def pooled(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, top channels): the mean of the backbone's last map."""
        last: Tensor = self.top(features)
        return last.mean(dim=(2, 3))

    def logits(self, features: Tensor, raw: Tensor) -> Tensor:
        """See `StyleHead.logits`: cosines."""
        return self.cosines(self.joined(torch.cat([raw, self.pooled_fc(self.pooled(features))], dim=1)))

    def cosines(self, joined: Tensor) -> Tensor:
        """(B, features) -> (B, classes) in [-1, 1], in float32 at least: a margin is lost in half precision."""
        return (unit(joined)[:, None] * unit(self.weight)).sum(dim=-1)


class LinearStyleHead(StyleHead):
    """The first version: two linear layers on the attribute embedding, nothing between them; plain logits.

    Args: see `StyleHead`. features: width between the layers (published: 512).
    """

    def __init__(
        self,
        channels: int,
        attributes: int,
        classes: int,
        dim: int | None = None,
        hidden: int = 512,
        features: int = 512,
    ) -> None:
        super().__init__(channels, attributes, classes, dim, hidden)
        self.fc = nn.Sequential(nn.Linear(self.dim, features), nn.Linear(features, classes))

    def logits(self, features: Tensor, raw: Tensor) -> Tensor:
        """See `StyleHead.logits`."""
        found: Tensor = self.fc(raw)
        return found.float() if found.dtype.itemsize < 4 else found


class ClassifierValues(nn.Module):
    """Probabilities of a classifier: softmax(scale * logits), the scale fitted to labelled photos once `fitted`.

    scale: (1,), at most `MOST_SCALE`. The published score is the softmax of the bare logits.
    """

    scale: Tensor
    fitted: Tensor

    def __init__(self, classes: int, scale: float = 1.0) -> None:
        super().__init__()
        self.sizes = (classes,)
        self.register_buffer("scale", torch.full((1,), scale))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def forward(self, logits: Tensor) -> Tensor:
        """(B, classes) -> (B, classes), each row summing to 1."""
        return torch.softmax(logits * self.scale, dim=-1)


class StyleModel(AttributeModel):
    """A backbone and a style head; the embedding for retrieval is ASEN++'s z, under the one attribute.

    Args:
        backbone, head: as `AttributeModel`. look_dim: 0 keeps all channels of the pooled map.
    """

    head: StyleHead
    values: ClassifierValues  # type: ignore[assignment]

    def __init__(self, backbone: nn.Module, head: StyleHead, look_dim: int = 0) -> None:
        super().__init__(backbone, head, (head.classes,), look_dim)
        self.values = ClassifierValues(head.classes, head.start_scale)

    def logits(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) -> (B, classes): cosines of `style`, plain logits of `style_v1`."""
        return self.classify(pixels)[1]

    def classify(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, 3, H, W) -> the attribute's embedding before normalisation (B, D), and logits (B, classes)."""
        features = self.backbone(pixels)
        raw = self.head.all(features).raw[:, 0]
        return raw, self.head.logits(features, raw)

    def forward(self, pixels: Tensor) -> ModelOutput:
        """See `AttributeModel.forward`; values are softmax(scale * logits)."""
        features = self.backbone(pixels)
        raw, regions = self.head.all(features)
        values = self.values(self.head.logits(features, raw[:, 0]))
        return ModelOutput(unit(raw), regions, values, self.look(features))
