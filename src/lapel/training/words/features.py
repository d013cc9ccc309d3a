"""The frozen backbone's pooled places of every photo, computed once and kept in Lapel's cache."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch
from torch import Tensor

from lapel import cache
from lapel.errors import ImageError
from lapel.images import ImageCache, contents, fit, normalise, read_images
from lapel.models.attribute_model import AttributeModel
from lapel.models.composed.light import region_weights
from lapel.progress import Progress, Quiet
from lapel.schema import Card, ItemTable

BATCH = 32


def places(model: AttributeModel, card: Card, items: ItemTable, progress: Progress | None = None) -> Tensor:
    """(N, 14, C) float16, in the table's order: the map's mean and those of its 13 regions.

    Raises:
        ImageError: a photo that cannot be read, by name.
    """
    progress = progress or Quiet()
    kept = cache.make("places") / f"{_key(card, items)}.npy"
    if kept.is_file():
        progress.advance(len(items))
        return torch.from_numpy(np.load(kept))
    images, weights, found = ImageCache.for_model(card.preprocess), None, []
    model = model.eval().to(memory_format=torch.channels_last)
    for start in range(0, len(items), BATCH):
        paths = items.paths[start : start + BATCH]
        photos = [photo for _, photo in read_images(paths, open=images.open) if not isinstance(photo, ImageError)]
        pixels = normalise(np.stack([fit(photo, card.preprocess) for photo in photos]), card.preprocess)
        with torch.inference_mode():
            maps = model.backbone(torch.from_numpy(pixels).to(memory_format=torch.channels_last)).float()
            weights = region_weights(*maps.shape[-2:]) if weights is None else weights
            found.append(torch.einsum("pn,bcn->bpc", weights, maps.flatten(2)).half())
        progress.advance(len(paths))
    joined = torch.cat(found)
    np.save(kept, joined.numpy())
    return joined


def _key(card: Card, items: ItemTable) -> str:
    """Of the weights, what they read, and the photos' bytes: a set that was copied or moved is found again."""
    content = json.dumps([card.weights_sha256, card.preprocess.to_dict(), contents(items.paths)])
    return hashlib.sha256(content.encode()).hexdigest()
