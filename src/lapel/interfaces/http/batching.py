"""What concurrent requests ask of the model goes through it together: one call for all that come within a few ms."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL.Image import Image

from lapel.errors import ModelError, QueryError
from lapel.schema import Card, Floats, Model, Outputs, PhotoModel, TextModel


def _pixels(model: Model, asked: Sequence[Floats]) -> Outputs:
    return model(asked[0] if len(asked) == 1 else np.concatenate(asked))


def _photos(model: Model, asked: Sequence[Sequence[Image]]) -> Outputs:
    if not isinstance(model, PhotoModel):
        raise ModelError(f"The model '{model.card.name}' does not look at photos themselves.")
    return model.photos([photo for photos in asked for photo in photos])


def _texts(model: Model, asked: Sequence[Sequence[str]]) -> Floats:
    return _speaking(model).encode_text([text for texts in asked for text in texts])


def _changes(model: Model, asked: Sequence[tuple[Outputs, Sequence[str]]]) -> Floats:
    references = Outputs.join([outputs for outputs, _ in asked])
    return _speaking(model).compose(references, [text for _, texts in asked for text in texts])


def _speaking(model: Model) -> TextModel:
    if not isinstance(model, TextModel):
        raise QueryError(f"The model of this catalogue, '{model.card.name}', does not understand words.")
    return model


Call = Callable[[Model, Sequence[Any]], Outputs | Floats]


@dataclass
class _Asked:
    """One caller's wish: which call, what it is given, how many rows it answers with."""

    call: Call
    given: Any
    rows: int
    answer: Future[Any] = field(default_factory=Future)


class BatchedModel:
    """A `lapel.schema.Model` whose callers wait in threads; a `PhotoModel` and `TextModel` as far as the one behind is.

    One thread takes the first that waits, waits at most `wait_ms` for others (not at all when `most` are there), and
    makes one call for all of one kind. While a call runs the next ones gather, so under load nobody waits for the
    clock.

    Args:
        card: of the model.
        opened: gives the model; called once, when it is first needed.
        most: photos (or texts) of one call.
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
        self._waiting: queue.Queue[_Asked | None] = queue.Queue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._model: Model | None = None

    @property
    def card(self) -> Card:
        """The card of the model behind."""
        return self._card

    def __call__(self, pixels: Floats) -> Outputs:
        """(B, 3, height, width) -> Outputs in the same order; blocks until the call that carries them is done."""
        slices = [pixels[at : at + self._most] for at in range(0, len(pixels), self._most)]
        return Outputs.join([self._ask(_pixels, part, len(part)) for part in slices])

    def photos(self, photos: Sequence[Image]) -> Outputs:
        """See `lapel.schema.PhotoModel`."""
        slices = [photos[at : at + self._most] for at in range(0, len(photos), self._most)]
        return Outputs.join([self._ask(_photos, part, len(part)) for part in slices])

    def encode_text(self, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`."""
        found: Floats = self._ask(_texts, texts, len(texts))
        return found

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`."""
        found: Floats = self._ask(_changes, (outputs, texts), len(texts))
        return found

    def close(self) -> None:
        """Answer what waits, then end the thread. A later call starts it anew."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
                thread.join()

    def _ask(self, call: Call, given: Any, rows: int) -> Any:
        asked = _Asked(call, given, rows)
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lapel-model", daemon=True)
                self._thread.start()
            self._waiting.put(asked)
        return asked.answer.result()

    def _work(self) -> None:
        first: _Asked | None = self._waiting.get()
        while first is not None:
            batch, then = self._gather(first)
            self._answer(batch)
            first = then if isinstance(then, _Asked) else None if then is _END else self._waiting.get()

    def _gather(self, first: _Asked) -> tuple[list[_Asked], _Asked | object | None]:
        """Those of one call; and what came after them: one that does not fit in, or the end."""
        batch, rows, until = [first], first.rows, time.monotonic() + self._wait
        while rows < self._most:
            try:
                more = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if more is None:
                return batch, _END
            if more.call is not first.call or rows + more.rows > self._most:
                return batch, more
            batch.append(more)
            rows += more.rows
        return batch, None

    def _answer(self, batch: Sequence[_Asked]) -> None:
        try:
            if self._model is None:
                self._model = self._opened()
            found = batch[0].call(self._model, [asked.given for asked in batch])
            self._watch(sum(asked.rows for asked in batch))
        except BaseException as error:
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:  # one caller's unreadable text is no other caller's fault
                for asked in batch:
                    self._answer([asked])
            return
        at = 0
        for asked in batch:
            asked.answer.set_result(rows_of(found, at, at + asked.rows))
            at += asked.rows


_END = object()


def rows_of(found: Outputs | Floats, start: int, stop: int) -> Any:
    """Some rows of what a model gave, copied: what is kept of one photo must not keep those of the others."""
    rows = slice(start, stop)
    if not isinstance(found, Outputs):
        return found[rows].copy()
    return Outputs(
        found.embeddings[rows].copy(),
        found.regions[rows].copy(),
        found.values[rows].copy(),
        found.look[rows].copy(),
        None if found.composed is None else found.composed[rows].copy(),
    )
