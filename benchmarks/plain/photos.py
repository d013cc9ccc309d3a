"""Photos in and crops out, one at a time, as the fact sheets write the transforms. Side 224, ImageNet's mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

SIDE = 224
MEAN, STD = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1), torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
Picture = Image.Image


def open_photo(path: Any) -> Picture:
    with Image.open(path) as photo:
        return photo.convert("RGB")


def resize(photo: Picture, side: int) -> Picture:
    """The short side becomes `side`."""
    short, long = min(photo.size), max(photo.size)
    other = int(side * long / short)
    return photo.resize((side, other) if photo.width <= photo.height else (other, side), Image.Resampling.BILINEAR)


def centre(photo: Picture) -> Picture:
    left, top = round((photo.width - SIDE) / 2), round((photo.height - SIDE) / 2)
    return photo.crop((left, top, left + SIDE, top + SIDE))


def tensor(photo: Picture) -> Tensor:
    """(3, H, W), normalised."""
    pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    return pixels.sub_(MEAN).div_(STD)


def whole(photo: Picture) -> Tensor:
    """What a global branch reads."""
    return tensor(centre(resize(photo, SIDE)))


def crop(photo: Picture, attention: Tensor, threshold: float, side: int) -> Tensor:
    """What a local branch reads of one photo, under one attention map (h, w): locate, cut, resize."""
    big = F.interpolate(attention[None, None], (SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0].numpy()
    levels = ((big - big.min()) / (big.max() - big.min()) * 255).astype(np.uint8)
    rows, columns = np.nonzero(levels > int(255 * threshold))
    left, top = int(columns.min()), int(rows.min())
    width, height = int(columns.max()) - left + 1, int(rows.max()) - top + 1
    across, down, d = left + width // 2, top + height // 2, max(width, height)
    x = SIDE - d if across + d // 2 > SIDE else max(0, across - d // 2)
    y = SIDE - d if down + d // 2 > SIDE else max(0, down - d // 2)
    short = min(photo.size)
    x, y, d = (int(value / SIDE * short) for value in (x, y, d))
    if photo.width < photo.height:
        y += (photo.height - photo.width) // 2
    else:
        x += (photo.width - photo.height) // 2
    return tensor(resize(photo.crop((x, y, x + d, y + d)), side))
