"""A frozen backbone's feature maps: computed once a photo and view, kept on disk, addressed by content and weights.

View 0 is the photo as it is; each further one is changed at random, drawn from the photo's content and the view's
number. The folder's name is a hash of everything else that changes a map (weights, preprocessing, changes, numbers);
inside, the key is the hash of the file's bytes and the view. So a moved photo is found again, a changed one is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from lapel import cache
from lapel.images import ImageCache, contents
from lapel.models.checkpoint import state_sha256
from lapel.progress import Progress, Quiet
from lapel.schema import Preprocess
from lapel.training.augment import change_photo, flip
from lapel.training.objective import Input
from lapel.training.pictures import ahead
from lapel.training.recipe import Augment
from lapel.training.rows import Rows

VERSION = 1
"""Part of every address: raise it whenever a map comes out differently."""

BATCH = 32
"""Photos a call of the backbone."""

SAVED_EVERY = 8
"""Calls whose maps are computed before they are put on disk: a stop loses no more."""

STILL = Augment(flip=0)
Pixels = NDArray[np.uint8]
View = tuple[Path, str, int]
"""A photo's file, the hash of its bytes, and the view's number."""


class Maps:
    """The maps (C, h, w) of photos, from the cache.

    Args:
        backbone: frozen; (B, 3, H, W) -> (B, C, h, w). shape: (C, h, w). preprocess: what it reads.
        augment: how views from 1 on are changed. photos: the cache of resized photos.
        fabric: device and numbers that the backbone runs with. folder: of the cache; None: Lapel's own.
    """

    def __init__(
        self,
        backbone: nn.Module,
        shape: tuple[int, int, int],
        preprocess: Preprocess,
        augment: Augment,
        photos: ImageCache,
        fabric: Fabric,
        channels_last: bool = True,
        folder: Path | None = None,
    ) -> None:
        self.backbone, self.preprocess, self.augment, self.photos = backbone, preprocess, augment, photos
        self.fabric, self.input = fabric, Input(preprocess, channels_last)
        said = {"version": VERSION, "weights": state_sha256(backbone.state_dict()), "shape": shape}
        said |= {"preprocess": preprocess.to_dict(), "augment": augment.model_dump(), "side": photos.short_side}
        said |= {"precision": str(fabric._precision.precision)}
        address = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        self._rows = Rows((folder or cache.make("features")) / f"maps-{address}", shape, "float16")
        self._content: dict[Path, str] = {}

    def see(self, files: Sequence[Path], views: int, workers: int = 2, progress: Progress | None = None) -> int:
        """Have views 0 to `views` of every photo in the cache; gives how many had to be computed.

        Raises:
            ImageError: a photo cannot be read.
            TrainingError: the disk refuses; what was computed before is kept.
        """
        progress = progress or Quiet()
        self._hash(files, workers)
        keys = {_key(self._content[file], view): (file, view) for file in files for view in range(views + 1)}
        fresh = self._rows.missing(list(keys))
        progress.advance(len(files) * (views + 1) - len(fresh))
        asked: list[View] = [(keys[key][0], self._content[keys[key][0]], keys[key][1]) for key in fresh]
        jobs = [asked[at : at + BATCH] for at in range(0, len(asked), BATCH)]
        waiting: list[NDArray[np.float32]] = []
        self.backbone.eval()
        for number, pixels in enumerate(ahead(jobs, self._pixels, workers), start=1):
            waiting.append(self._maps(pixels))
            progress.advance(len(pixels))
            if len(waiting) == SAVED_EVERY or number == len(jobs):
                done = min(number * BATCH, len(fresh))
                made = np.concatenate(waiting)
                self._rows.add(fresh[done - len(made) : done], made)
                waiting = []
        return len(fresh)

    def take(self, files: Sequence[Path], views: Sequence[int] | None = None) -> Tensor:
        """(n, C, h, w) float32 of photos that were seen. views: each one's; None: the photos as they are."""
        chosen = views if views is not None else [0] * len(files)
        keys = [_key(self._content[file], view) for file, view in zip(files, chosen, strict=True)]
        return torch.from_numpy(self._rows.take(keys))

    def _hash(self, files: Sequence[Path], workers: int) -> None:
        unknown = [file for file in files if file not in self._content]
        self._content |= zip(unknown, contents(unknown, workers), strict=True)

    def _pixels(self, asked: Sequence[View]) -> Pixels:
        return np.stack([self._view(*one) for one in asked])

    def _view(self, file: Path, content: str, view: int) -> Pixels:
        rng = np.random.default_rng([int(content[:12], 16), view, 0xA06])
        photo: Image.Image = self.photos.open(file)
        augment = self.augment if view else STILL
        return flip(change_photo(photo, augment, self.preprocess, rng), augment, rng)

    def _maps(self, pixels: Pixels) -> NDArray[np.float32]:
        with torch.inference_mode(), self.fabric.autocast():
            inputs = self.input.to(self.fabric.device)(torch.from_numpy(pixels).to(self.fabric.device))
            return np.asarray(self.backbone(inputs).float().cpu().numpy(), np.float32)


def _key(content: str, view: int) -> str:
    return f"{content}-{view}"
