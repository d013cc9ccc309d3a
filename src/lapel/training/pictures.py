"""Training photos as uint8 arrays: read through the resized-image cache, changed at random, batched ahead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lapel.errors import ImageError
from lapel.images import ImageCache, fit, read_images
from lapel.schema import ItemTable, Preprocess
from lapel.training.augment import change_photo, changed, flip, generator, needs_photo
from lapel.training.recipe import Augment, Distortion

Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]
Job = TypeVar("Job")
Made = TypeVar("Made")
COPY = 3
"""Role of the first distorted copy; the triplet's own photos have roles 0, 1 and 2."""


class Pictures:
    """The photos of the training rows.

    Args:
        memory: bytes of decoded photos to hold; 0 reads each from the cache every time.
        distortion: of the copies that `copies` makes.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        cache: ImageCache,
        preprocess: Preprocess,
        augment: Augment,
        seed: int,
        memory: int,
        distortion: Distortion | None = None,
    ) -> None:
        self.paths, self.cache, self.preprocess = paths, cache, preprocess
        self.augment, self.seed, self.distortion = augment, seed, distortion
        self._whole = needs_photo(augment) or distortion is not None
        self._held: dict[int, Pixels] = {}
        self._room = memory
        self._lock = threading.Lock()

    def batch(self, rows: Rows, epoch: int, places: Rows, role: int = 0) -> Pixels:
        """(B, height, width, 3) of these rows. places: each one's place in the epoch, which seeds its changes.

        Raises:
            ImageError: a photo that cannot be read, by name.
        """
        return self._views(rows, epoch, places, role, None)

    def copies(self, rows: Rows, epoch: int, places: Rows) -> list[Pixels]:
        """Each of the distorted copies of these rows' photos, as `batch` gives photos; none without a distortion."""
        asked = self.distortion
        if asked is None:
            return []
        return [self._views(rows, epoch, places, COPY + n, (asked, scale)) for n, scale in enumerate(asked.scales)]

    def alike(self, row: int, epoch: int, place: int, picture: Image.Image) -> Pixels:
        """A picture of the same scene, its mask say, changed as `batch` changes the photo: (height, width, 3)."""
        rng = generator(self.seed, epoch, place)
        if not self._whole:
            return flip(fit(picture, self.preprocess), self.augment, rng)
        picture = picture.resize(self._photo(row).size, Image.Resampling.NEAREST)
        return flip(change_photo(picture, self.augment, self.preprocess, rng), self.augment, rng)

    def with_photos(self, rows: Rows, epoch: int, places: Rows, role: int = 0) -> tuple[Pixels, list[Image.Image]]:
        """As `batch`, and the changed photos that the pixels were fitted from, for a branch that reads crops of them.

        A flip is of the whole photo here, before the fit.
        """
        photos = []
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            rng = generator(self.seed, epoch, place, role)
            photo = changed(self._photo(row), self.augment, rng)
            photos.append(ImageOps.mirror(photo) if rng.random() < self.augment.flip else photo)
        return np.stack([fit(photo, self.preprocess) for photo in photos]), photos

    def _views(self, rows: Rows, epoch: int, places: Rows, role: int, copy: tuple[Distortion, float] | None) -> Pixels:
        made = np.empty((len(rows), self.preprocess.height, self.preprocess.width, 3), np.uint8)
        for at, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
            rng = generator(self.seed, epoch, place, role)
            made[at] = flip(self._changed(row, rng, copy), self.augment, rng)
        return made

    def _changed(self, row: int, rng: np.random.Generator, copy: tuple[Distortion, float] | None) -> Pixels:
        if self._whole:
            return change_photo(self._photo(row), self.augment, self.preprocess, rng, copy)
        return self._kept(row, lambda: fit(self.cache.open(self.paths[row]), self.preprocess))

    def _photo(self, row: int) -> Image.Image:
        return Image.fromarray(self._kept(row, lambda: np.asarray(self.cache.open(self.paths[row]))))

    def _kept(self, row: int, make: Callable[[], Pixels]) -> Pixels:
        held = self._held.get(row)
        if held is not None:
            return held
        made = make()
        with self._lock:
            if self._room >= made.nbytes and row not in self._held:
                self._held[row] = made
                self._room -= made.nbytes
        return made


def leave_out_unreadable(items: ItemTable, cache: ImageCache, workers: int) -> tuple[ItemTable, list[ImageError]]:
    """The rows whose photo can be read, and an error for each of the others; fills the cache on the way.

    Raises:
        ImageError: not one photo can be read; the first one's error.
    """
    readable, errors = np.ones(len(items), bool), []
    for row, photo in read_images(items.paths, open=cache.open, workers=workers, skip=True):
        if isinstance(photo, ImageError):
            readable[row] = False
            errors.append(photo)
    if errors and not readable.any():
        raise errors[0]
    return (items.take(readable) if errors else items), errors


def ahead(jobs: Iterable[Job], make: Callable[[Job], Made], workers: int) -> Generator[Made, None, None]:
    """`map(make, jobs)` in order, with `workers` threads working on the next few; an error comes out in its turn."""
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lapel-pictures")
    try:
        for job in jobs:
            waiting.append(pool.submit(make, job))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
