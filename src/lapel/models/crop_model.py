"""Models of two branches: the global one reads the whole photo and says where to look, the local one reads that part.

Used by ASEN++ (ResNet on the crop) and RPF (ViT on the crop). All B*K crops of a batch go through the local branch
together, in slices; a photo costs one global pass and K local ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from PIL.Image import Image
from torch import Tensor, nn

from lapel.images import cut_crops
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeHead, AttributeModel, ModelOutput, PrototypeValues, unit
from lapel.models.backbones import Backbone
from lapel.schema import Crops, Preprocess

AT_ONCE = 256
"""Crops a local pass: of 112 pixels through a ResNet-34, about 0.3 GB of activations."""


class LocalBranch(nn.Module):
    """ASEN++'s local branch: a backbone and a head that is given the attribute vectors.

    dim: of its embedding.
    """

    def __init__(self, backbone: Backbone, head: ASENPPHead) -> None:
        super().__init__()
        self.backbone, self.head, self.dim = backbone, head, head.dim

    def forward(self, crops: Tensor, asked: Tensor) -> Tensor:
        """Crops (N, 3, h, w), attribute vectors (N, E) -> (N, D), not normalised."""
        raw: Tensor = self.head.asked(self.backbone(crops), asked[:, None]).raw[:, 0]
        return raw


class CropModel(AttributeModel):
    """A global branch (backbone and head), and a local branch over crops of the original photo.

        feature = [sqrt(beta) g/|g| ; sqrt(1 - beta) l/|l|]        cosine = beta cos_g + (1 - beta) cos_l

    Args:
        backbone, head: as in `AttributeModel`; the head has `attr_embedding`, which both branches share.
        local: crops (N, 3, h, w), attribute vectors (N, E) -> (N, D_local); has `.dim`.
        crops: how regions are cut, and beta.
        sizes, look_dim: as in `AttributeModel`.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: AttributeHead,
        local: nn.Module,
        crops: Crops,
        sizes: tuple[int, ...] = (),
        look_dim: int = 0,
    ) -> None:
        super().__init__(backbone, head, sizes, look_dim)
        self.local, self.crops = local, crops
        self.dim = head.dim + int(local.dim)  # type: ignore[arg-type]
        self.values = PrototypeValues(sizes or (1,) * head.attributes, self.dim)

    def local_raw(self, crops: Tensor, attributes: Tensor) -> Tensor:
        """Crops (N, 3, h, w), attributes (N,) int64 -> (N, D_local), not normalised."""
        return self.local(crops, self.head.attr_embedding(attributes))  # type: ignore[operator, no-any-return]

    def join(self, whole: Tensor, part: Tensor) -> Tensor:
        """Both branches' raw vectors (..., D_global) and (..., D_local) -> (..., D), unit length."""
        beta = self.crops.beta
        return torch.cat([math.sqrt(beta) * unit(whole), math.sqrt(1 - beta) * unit(part)], dim=-1)

    def cut(self, photos: Sequence[Image], maps: Tensor, preprocess: Preprocess) -> Tensor:
        """Crops under each map (B, A, h, w) of B photos -> (B, A, height, width, 3) uint8 on the CPU; no gradient."""
        seen = maps.detach().float() if maps.dtype.itemsize < 4 else maps.detach()
        return torch.from_numpy(cut_crops(photos, seen.cpu().numpy(), preprocess, self.crops))

    def locally(self, crops: Tensor, preprocess: Preprocess, like: Tensor) -> Tensor:
        """Crops (B, K, h, w, 3) uint8, one an attribute -> (B, K, D_local), not normalised, on the device of `like`."""
        many = crops.shape[1]
        flat, asked = crops.flatten(0, 1), torch.arange(many, device=like.device).repeat(len(crops))
        parts = [
            self.local_raw(normalised(flat[at : at + AT_ONCE], preprocess, like), asked[at : at + AT_ONCE])
            for at in range(0, len(flat), AT_ONCE)
        ]
        return torch.cat(parts).view(len(crops), many, -1)

    def look_closely(self, features: Tensor, photos: Sequence[Image], preprocess: Preprocess) -> tuple[Tensor, Tensor]:
        """Feature maps (B, C, h, w) of the photos' inputs, and the photos -> embeddings (B, K, D) unit, regions."""
        whole, regions = self.head.all(features)
        part = self.locally(self.cut(photos, regions, preprocess), preprocess, whole)
        return self.join(whole, part), regions

    def see(self, pixels: Tensor, photos: Sequence[Image], preprocess: Preprocess) -> ModelOutput:
        """Everything, of the photos' inputs (B, 3, H, W) and the photos themselves."""
        features = self.backbone(pixels)
        embeddings, regions = self.look_closely(features, photos, preprocess)
        return ModelOutput(embeddings, regions, self.values(embeddings), self.look(features))


def normalised(pixels: Tensor, preprocess: Preprocess, like: Tensor) -> Tensor:
    """(N, h, w, 3) uint8 -> (N, 3, h, w) on the device of `like`, as `lapel.images.normalise`: computed in float32,
    and only then widened for a float64 model, as published.
    """
    moved = pixels.to(like.device).permute(0, 3, 1, 2).to(torch.float32) / 255
    mean, std = (torch.tensor(v, device=like.device).view(1, 3, 1, 1) for v in (preprocess.mean, preprocess.std))
    ready = ((moved - mean) / std).contiguous(memory_format=torch.channels_last)
    return ready.double() if like.dtype == torch.float64 else ready
