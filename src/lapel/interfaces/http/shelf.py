"""Photos that were sent once and are asked about again: kept in memory, embedded, under a token nobody can guess."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from lapel.interfaces.http.asking import PHOTO
from lapel.search import Reference


class Shelf:
    """At most `most` photos; each goes `seconds` after it was last asked for, the longest unasked first.

    What is kept is what the model gave and a thumbnail, not the photo.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._kept: OrderedDict[str, tuple[float, Reference]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, reference: Reference) -> str:
        """Keep an embedded photo; gives its name, `photo:TOKEN`."""
        name = PHOTO + secrets.token_hex(16)
        with self._lock:
            self._kept[name] = (self._clock(), replace(reference, name=name))
            self._tidy()
        return name

    def get(self, name: str) -> Reference | None:
        """The photo of this name, or None when it was never here or has gone."""
        with self._lock:
            self._tidy()
            if name not in self._kept:
                return None
            _, reference = self._kept[name]
            self._kept[name] = (self._clock(), reference)
            self._kept.move_to_end(name)
            return reference

    def __len__(self) -> int:
        return len(self._kept)

    def _tidy(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept and (len(self._kept) > self._most or next(iter(self._kept.values()))[0] < oldest):
            self._kept.popitem(last=False)
