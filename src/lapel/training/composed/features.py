"""What frozen towers say of pictures and texts: computed once, kept on disk, addressed by content and model.

The folder's name is a hash of everything that changes a feature (CLIP's name and weights, preprocessing, crops, kind
of numbers); inside, a picture's key is the hash of its file's bytes, a text's that of its words and, where the
enhanced text tower reads along, of the reference too. So a moved picture is found again, and a changed one is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lapel import cache
from lapel.errors import ImageError
from lapel.images import contents, fit, normalise, open_image
from lapel.images.patches import RATIO, WHOLE, clip_preprocess, crops, target_pad
from lapel.images.reading import map_ordered
from lapel.models.checkpoint import state_sha256
from lapel.models.composed.clip import CONTEXT
from lapel.models.composed.fashionern import PATCHES
from lapel.models.composed.loading import Clip, tokenise
from lapel.models.composed.network import enhanced_rows
from lapel.models.composed.tme import EnhancedText
from lapel.progress import Progress, Quiet
from lapel.schema import Floats
from lapel.training.rows import Rows

VERSION = 1
"""Part of every address: raise it whenever a feature comes out differently."""

SAVED_EVERY = 64
"""Pictures, or texts, whose features are computed before they are put on disk: a stop loses no more."""

Pixels = NDArray[np.uint8]


class Features:
    """Rows of frozen features, from the cache.

    Args:
        clip: both towers. closely: a picture's 13 crops and a text's word states too; else their vectors alone.
        numbers: "float32" or "float16". device: where the towers run. batch: pictures a call of the tower.
        text: the enhanced text tower, frozen as it is now; it reads the reference, so it needs `closely`.
        folder: of the cache; None: Lapel's own.
    """

    def __init__(
        self,
        clip: Clip,
        closely: bool,
        numbers: str = "float32",
        device: str | torch.device = "cpu",
        batch: int = 4,
        text: EnhancedText | None = None,
        folder: Path | None = None,
    ) -> None:
        self.clip, self.closely, self.device, self.batch, self.text = clip, closely, torch.device(device), batch, text
        clip.towers.to(self.device)
        self.preprocess = clip_preprocess(clip.size)
        root = folder or cache.make("features")
        said = {"version": VERSION, "clip": clip.name, "weights": clip.sha256, "numbers": numbers}
        seen = said | {"preprocess": self.preprocess.to_dict(), "ratio": RATIO, "whole": WHOLE, "closely": closely}
        read = said | {"closely": closely, "context": CONTEXT}
        if text is not None:
            read |= {"enhanced": state_sha256(text.state_dict()), "layers": list(text.layers), "seen": _address(seen)}
        width = clip.towers.dim
        self._pictures = Rows(root / f"pictures-{_address(seen)}", (1 + PATCHES * closely, width), numbers)
        self._texts = Rows(root / f"texts-{_address(read)}", (1 + CONTEXT * closely, width), numbers)
        self._content: dict[str, str] = {}
        self.cut: set[str] = set()
        """Texts longer than the context, which were cut."""

    def see(self, files: Mapping[str, Path], workers: int = 2, progress: Progress | None = None) -> int:
        """Have every picture's features in the cache; gives how many had to be computed.

        Raises:
            ImageError: a picture cannot be read.
            TrainingError: the disk refuses; what was computed before is kept.
        """
        progress, names = progress or Quiet(), [name for name in files if name not in self._content]
        self._content |= zip(names, contents([files[name] for name in names], workers), strict=True)
        at = {self._content[name]: files[name] for name in files}
        fresh = self._pictures.missing(list(at))
        progress.advance(len(files) - len(fresh))
        for start in range(0, len(fresh), SAVED_EVERY):
            part = fresh[start : start + SAVED_EVERY]
            self._pictures.add(part, self.picture_rows([at[key] for key in part], workers, progress))
        return len(fresh)

    def picture_rows(self, files: Sequence[Path], workers: int = 2, progress: Progress | None = None) -> Floats:
        """(n, 1 + 13, d) or (n, 1, d): the towers themselves, nothing cached."""
        progress = progress or Quiet()
        made: list[Floats] = []
        waiting: list[Pixels] = []
        for row, pixels in map_ordered(self._pixels, files, workers):
            if isinstance(pixels, ImageError):
                raise pixels
            waiting.append(pixels)
            if len(waiting) == self.batch or row + 1 == len(files):
                made.append(self._tower(np.stack(waiting)))
                progress.advance(len(waiting))
                waiting = []
        return np.concatenate(made)

    def read(self, asked: Sequence[tuple[str, str]], progress: Progress | None = None) -> int:
        """Have the features of texts, each with its reference's name, in the cache; gives how many were computed.

        References must have been seen where the enhanced text tower reads them.
        """
        progress = progress or Quiet()
        wanted = {self._text_key(*one): one for one in asked}
        fresh = self._texts.missing(list(wanted))
        progress.advance(len(wanted) - len(fresh))
        for start in range(0, len(fresh), SAVED_EVERY):
            part = fresh[start : start + SAVED_EVERY]
            self._texts.add(part, self.text_rows([wanted[key] for key in part]))
            progress.advance(len(part))
        self._note_long([text for text, _ in asked])
        return len(fresh)

    @torch.no_grad()
    def text_rows(self, asked: Sequence[tuple[str, str]]) -> Floats:
        """(n, 1 + 77, d) or (n, 1, d): the tower itself, nothing cached."""
        tokens = tokenise([text for text, _ in asked])[0].to(self.device)
        if self.text is not None:
            seen = torch.from_numpy(self._pictures.take([self._content[name] for _, name in asked])).to(self.device)
            rows = enhanced_rows(self.text.to(self.device).eval(), tokens, seen)
        else:
            vectors, words = self.clip.towers.texts(tokens)
            rows = torch.cat([vectors[:, None], words], dim=1)
        kept = rows if self.closely else rows[:, :1]
        return kept.float().cpu().numpy()

    def pictures(self, names: Sequence[str]) -> Tensor:
        """(n, 1 + 13, d) or (n, 1, d) float32 of pictures that were seen."""
        return torch.from_numpy(self._pictures.take([self._content[name] for name in names]))

    def texts(self, asked: Sequence[tuple[str, str]]) -> Tensor:
        """(n, 1 + 77, d) or (n, 1, d) float32 of texts that were read."""
        return torch.from_numpy(self._texts.take([self._text_key(*one) for one in asked]))

    def _pixels(self, file: Path) -> Pixels:
        """(1 + 13, size, size, 3) or (1, size, size, 3)."""
        photo: Image.Image = open_image(file)
        parts = [photo, *crops(photo)] if self.closely else [photo]
        return np.stack([fit(target_pad(part), self.preprocess) for part in parts])

    @torch.no_grad()
    def _tower(self, pixels: Pixels) -> Floats:
        count, parts = pixels.shape[:2]
        inputs = normalise(pixels.reshape(count * parts, *pixels.shape[2:]), self.preprocess)
        found = self.clip.towers.images(torch.from_numpy(inputs).to(self.device))
        return found.float().cpu().numpy().reshape(count, parts, -1)

    def _text_key(self, text: str, reference: str) -> str:
        words = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return words if self.text is None else f"{words}-{self._content[reference]}"

    def _note_long(self, texts: Sequence[str]) -> None:
        # A token is at least one byte, so short texts need not be looked at.
        long = [text for text in dict.fromkeys(texts) if len(text.encode()) > CONTEXT - 2]
        self.cut.update(tokenise(long)[1] if long else ())


def _address(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
