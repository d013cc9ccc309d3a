"""The cache of resized photos: an original is decoded once, every later epoch reads a small JPEG.

Layout below the folder: `<short side>/<2 hex>/<content hash>.jpg` holds a resized photo followed by its checksum;
`refs/<2 hex>/<hash of path>` says which content a path had, and at which size and time of change.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import os
import tempfile
import zlib
from pathlib import Path

from PIL import Image

from lapel import cache
from lapel.errors import ImageError
from lapel.images.files import open_source, shown
from lapel.images.hashing import content_hash
from lapel.images.opening import open_image, open_stream, size_of
from lapel.schema import Preprocess

MARGIN = 1.125
"""A cached photo's short side over the model's: room for random crops."""

SMALL = 1.25
"""An original whose short side is at most this many times the cached one is read itself: a copy would gain nothing."""

_TRAILER = b"LPL1"
_log = logging.getLogger("lapel.images")

_Identity = tuple[int, int, int, int]


class ImageCache:
    """Opens photos like `open_image`, through resized copies on disk.

    A changed file is noticed by its size, times or inode. Copies carry a checksum; a damaged one is made again. Any
    number of processes may write at once: each writes beside and renames. When the folder cannot be written, photos
    are still given, and the reason is logged once.

    Args:
        folder: where copies live; None is the `images` folder of Lapel's cache.
        short_side: greatest short side of a given photo, in pixels (originals up to 1.25 times that stay as they are).
    """

    def __init__(self, folder: Path | None, short_side: int) -> None:
        self.folder = Path(folder) if folder is not None else cache.cache_dir() / "images"
        self.short_side = short_side
        self._own = folder is None
        self._known: dict[str, tuple[_Identity, Path | None]] = {}
        self._warned = False

    @classmethod
    def for_model(cls, preprocess: Preprocess, folder: Path | None = None) -> ImageCache:
        """A cache that keeps photos a little larger than this model reads them."""
        largest = max(preprocess.scaled)
        side = max(preprocess.short_side, largest) if preprocess.resize == "crop" else largest
        return cls(folder, math.ceil(side * MARGIN))

    def open(self, path: str | Path) -> Image.Image:
        """An upright RGB photo; its short side is at most `short_side`, or the original's if that is little more.

        Raises:
            ImageError: as `open_image` does, about the original.
        """
        path = os.fspath(path)
        known = self._known.get(path)
        if known is not None and known[1] is None:  # small: one look at the open file, so no slower than without us
            with open_source(path) as stream:
                if _identity(os.fstat(stream.fileno())) == known[0]:
                    return open_stream(stream, shown(path))
        try:
            identity = _identity(os.stat(path))
        except (OSError, ValueError):
            return open_image(path)  # raises the error that says what is wrong, or opens an over-long path
        if known is None or known[0] != identity:
            known = (identity, self._find(path, identity))
            self._known[path] = known
        entry = known[1]
        if entry is None:
            return open_image(path)
        copy = _read_entry(entry)
        return copy if copy is not None else self._build(path, entry)

    def _find(self, path: str, identity: _Identity) -> Path | None:
        """Where the copy of this file belongs; None when the original is small enough to be read itself."""
        ref = self._ref(path)
        try:
            *same, content = ref.read_text(encoding="ascii").split()
            if tuple(map(int, same)) == identity:
                return self._entry(content)
        except (OSError, ValueError):
            pass
        with open_source(path) as stream:
            if min(size_of(stream, shown(path))) <= self.short_side * SMALL:
                return None
        content = content_hash(path)
        self._write(ref, " ".join(map(str, (*identity, content))).encode())
        return self._entry(content)

    def _build(self, path: str, entry: Path) -> Image.Image:
        image = open_image(path, target=2 * self.short_side)
        scale = self.short_side / min(image.size)
        if scale < 1:
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(size, Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=93, subsampling=1)
        data = buffer.getvalue()
        self._write(entry, data + _TRAILER + zlib.crc32(data).to_bytes(4, "big"))
        # The first reading, too, gives what later ones give: an epoch must not depend on what was cached before.
        return open_image(data, name=shown(path))

    def _ref(self, path: str) -> Path:
        key = hashlib.blake2b(os.fsencode(os.path.abspath(path)) + b"\0%d" % self.short_side, digest_size=16)
        return self.folder / "refs" / key.hexdigest()[:2] / key.hexdigest()

    def _entry(self, content: str) -> Path:
        return self.folder / str(self.short_side) / content[:2] / f"{content}.jpg"

    def _write(self, target: Path, data: bytes) -> None:
        try:
            if self._own:
                cache.make("images")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, data)
        except OSError as error:
            if not self._warned:
                _log.warning("Photos are not cached: %s cannot be written (%s).", self.folder, error.strerror)
            self._warned = True


def write_atomically(target: Path, data: bytes) -> None:
    """Write beside and rename, so that a reader sees the old file, the new one, or none, but never a part."""
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def _identity(found: os.stat_result) -> _Identity:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read_entry(entry: Path) -> Image.Image | None:
    """The copy, or None when it is missing or damaged."""
    try:
        data = entry.read_bytes()
    except OSError:
        return None
    body, mark, check = data[:-8], data[-8:-4], data[-4:]
    if mark != _TRAILER or zlib.crc32(body).to_bytes(4, "big") != check:
        return None
    try:
        return open_image(body, name=str(entry))
    except ImageError:
        return None
