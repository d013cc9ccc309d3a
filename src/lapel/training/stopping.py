"""Ctrl-C, and a scheduler's SIGTERM, wait for the step to end, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """A run that was asked to stop, and has saved its place; the message says how to go on."""


class Wish:
    """Whether somebody asked to stop. `at_once`: nothing is under way that must end first."""

    def __init__(self) -> None:
        self.asked = False
        self.at_once = False

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: the first signal is a wish, a second one an order."""
        if self.asked or self.at_once:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def listening() -> Iterator[Wish]:
    """Hear SIGINT and SIGTERM while the block runs (in the main thread; elsewhere nothing is changed)."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.signal(number, wish.hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
