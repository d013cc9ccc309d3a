"""A bounded pool of threads for everything that computes, so that the event loop only passes messages."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from lapel.interfaces.http.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """Runs calls in at most `threads` threads; more than `waiting` at once are refused, not queued for ever."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._threads, self._limit, self._now = threads, waiting, 0
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result; when the request is given up while the call still waits, it is never made.

        Raises:
            Problem: too many requests at once.
        """
        if self._now >= self._limit:
            detail = f"{self._limit} requests are at work or waiting; try again in a moment."
            raise Problem("too-many", detail, {"Retry-After": "1"})
        self._now += 1
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="lapel-http")
        try:
            bound = functools.partial(call, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._pool, bound)
        finally:
            self._now -= 1

    def close(self) -> None:
        """Let running calls end; drop the waiting ones. A later call starts anew."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
