"""Every error that Lapel raises on purpose.

    LapelError
    ├── InputError            something a person gave is wrong: a name, a value, a combination
    │   ├── UnknownName       a name that is not in a known list; suggests the nearest one
    │   └── QueryError        a search query that cannot be answered as asked
    ├── TableError            an item table or a release on disk that cannot be read as one
    ├── ImageError            one picture that cannot be used; carries its path
    │   ├── ImageMissing      no such file
    │   ├── ImageEmpty        zero bytes
    │   ├── ImageNotAnImage   bytes that no image decoder recognises
    │   ├── ImageTruncated    the file ends too early
    │   └── ImageTooLarge     more pixels than a photo has: a decompression bomb
    ├── ModelError            a model, card or checkpoint that cannot be used
    │   ├── CheckpointError   a file that is unsafe, of another format or of another architecture
    │   └── MissingExtra      a command that needs `pip install 'lapel[train]'`
    ├── CatalogueError        a stored catalogue that is missing, damaged, busy or of another model
    ├── TrainingError         a run that cannot start or go on; what was saved stays
    ├── ProtocolError         numbers that must not be compared
    └── ShapeError            tensors whose shapes do not fit together

A message says what was given, what was expected, and how to fix it. The command line prints it as one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class LapelError(Exception):
    """The root: catch this to catch everything that Lapel raises on purpose."""


class InputError(LapelError):
    """Something a person gave is wrong."""


class UnknownName(InputError):
    """A name that is not among the known ones; the message suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        self.name = name
        self.known = tuple(known)
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        near = near or [k for k in self.known if name and (k.startswith(name) or name.startswith(k))][:1]
        hint = f" Did you mean '{near[0]}'?" if near else ""
        place = f"{where} knows" if where else "Known"
        super().__init__(f"Unknown {kind} '{name}'.{hint} {place}: {', '.join(self.known) or 'none'}.")


class QueryError(InputError):
    """A search query that cannot be answered as asked."""


class TableError(LapelError):
    """An item table, or a release on disk, that cannot be read as one."""


class ImageError(LapelError):
    """One picture that cannot be used."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path = Path(path)
        super().__init__(f"{path}: {problem}")


class ImageMissing(ImageError):
    """No such file."""


class ImageEmpty(ImageError):
    """A file of zero bytes."""


class ImageNotAnImage(ImageError):
    """Bytes that no image decoder recognises."""


class ImageTruncated(ImageError):
    """A picture whose file ends too early."""


class ImageTooLarge(ImageError):
    """More pixels than any photo has; refused before decoding."""


class ModelError(LapelError):
    """A model, card or checkpoint that cannot be used."""


class CheckpointError(ModelError):
    """A checkpoint file that is unsafe, of another format, or of another architecture."""


class MissingExtra(ModelError):
    """A command that needs an optional extra which is not installed."""

    def __init__(self, doing: str, extra: str = "train") -> None:
        super().__init__(f"{doing} needs an extra that is not installed. Run: pip install 'lapel[{extra}]'")


class CatalogueError(LapelError):
    """A stored catalogue that is missing, damaged, busy, or filled by another model."""


class TrainingError(LapelError):
    """A run that cannot start or cannot go on; whatever it had saved stays."""


class ProtocolError(LapelError):
    """Numbers obtained in different ways, which must not be compared."""


class ShapeError(LapelError):
    """Tensors whose shapes do not fit together."""
