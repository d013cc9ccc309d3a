"""Read many pictures with threads, in order, without holding more than a few at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from lapel.errors import ImageError
from lapel.images.opening import open_image

T = TypeVar("T")
AHEAD = 4
"""Pictures read ahead, per worker: enough to keep the reader busy, few enough to hold in memory."""


def read_images(
    paths: Iterable[str | Path],
    open: Callable[[str | Path], Image.Image] = open_image,
    workers: int = 2,
    skip: bool = False,
) -> Iterator[tuple[int, Image.Image | ImageError]]:
    """(row, picture) in the order of `paths`, decoded by `workers` threads.

    open: how to open one; `ImageCache(...).open` reads through the cache.
    skip: False raises the first ImageError; True gives it in the picture's place and goes on.

    Raises:
        ImageError: with skip=False, when its row is reached.
    """
    return map_ordered(open, paths, workers, skip)


def map_ordered(
    call: Callable[[Any], T], paths: Iterable[Any], workers: int = 2, skip: bool = False
) -> Iterator[tuple[int, T | ImageError]]:
    """(row, call(path)) in order, by threads; an ImageError is raised, or given in place with `skip`."""
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="lapel-read")
    waiting: deque[tuple[int, Future[T]]] = deque()
    try:
        for number, path in enumerate(paths):
            waiting.append((number, pool.submit(call, path)))
            if len(waiting) > max(1, workers) * AHEAD:
                row, future = waiting.popleft()
                yield row, _result(future, skip)
        while waiting:
            row, future = waiting.popleft()
            yield row, _result(future, skip)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Any], skip: bool) -> Any:
    try:
        return future.result()
    except ImageError as error:
        if not skip:
            raise
        return error
