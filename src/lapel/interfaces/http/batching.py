"""Photos of concurrent requests go through the model together: one call for all that arrive within a few ms."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from lapel.schema import Card, Floats, Model, Outputs


@dataclass
class _Asked:
    pixels: Floats
    answer: Future[Outputs] = field(default_factory=Future)


class BatchedModel:
    """A `lapel.schema.Model` in front of another one; its callers wait in their own threads.

    One thread takes the first waiting photo, waits at most `wait_ms` for others (none when `most` are there), and
    makes one call. While that call runs the next ones gather, so under load nobody waits for the clock.

    Args:
        card: of the model.
        opened: gives the model; called once, for the first photo.
        most: photos of one call.
        watch: told the size of every call.
    """

    def __init__(
        self,
        card: Card,
        opened: Callable[[], Model],
        most: int = 16,
        wait_ms: float = 5.0,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self._card, self._opened, self._most, self._wait = card, opened, most, wait_ms / 1000
        self._watch = watch or (lambda size: None)
        self._waiting: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._model: Model | None = None
        self._closed = False

    @property
    def card(self) -> Card:
        """The card of the model behind."""
        return self._card

    def __call__(self, pixels: Floats) -> Outputs:
        """(B, 3, height, width) -> Outputs, in the same order; blocks until the call that carries them is done."""
        if len(pixels) >= self._most:  # a whole batch already, as in adding
            parts = [self._one(pixels[at : at + self._most]) for at in range(0, len(pixels), self._most)]
            return Outputs.join(parts)
        return self._one(pixels)

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._starting:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _one(self, pixels: Floats) -> Outputs:
        asked = _Asked(pixels)
        with self._starting:
            if self._closed:
                raise RuntimeError("The server is shutting down.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lapel-model", daemon=True)
                self._thread.start()
            self._waiting.put(asked)
        return asked.answer.result()

    def _work(self) -> None:
        held: _Asked | None = None
        while True:
            first = held or self._waiting.get()
            if first is None:
                return
            batch, held, ended = self._gather(first)
            self._answer(batch)
            if ended:
                return

    def _gather(self, first: _Asked) -> tuple[list[_Asked], _Asked | None, bool]:
        """The photos of one call, one that came in too many, and whether the end was asked for."""
        batch, size, until = [first], len(first.pixels), time.monotonic() + self._wait
        while size < self._most:
            try:
                more = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if more is None:
                return batch, None, True
            if size + len(more.pixels) > self._most:
                return batch, more, False
            batch.append(more)
            size += len(more.pixels)
        return batch, None, False

    def _answer(self, batch: Sequence[_Asked]) -> None:
        try:
            if self._model is None:
                self._model = self._opened()
            together = batch[0].pixels if len(batch) == 1 else np.concatenate([asked.pixels for asked in batch])
            outputs = self._model(together)
            self._watch(len(together))
        except BaseException as error:
            for asked in batch:
                asked.answer.set_exception(error)
            return
        at = 0
        for asked in batch:
            asked.answer.set_result(rows_of(outputs, at, at + len(asked.pixels)))
            at += len(asked.pixels)


def rows_of(outputs: Outputs, start: int, stop: int) -> Outputs:
    """Some pictures' outputs, copied: what is kept of one photo must not keep those of the others."""
    rows = slice(start, stop)
    return Outputs(
        outputs.embeddings[rows].copy(),
        outputs.regions[rows].copy(),
        outputs.values[rows].copy(),
        outputs.look[rows].copy(),
        None if outputs.composed is None else outputs.composed[rows].copy(),
    )
