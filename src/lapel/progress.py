"""One progress bar for every long job: what, how far, how fast, how long still. Silent when nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What a long job calls as it goes."""

    def advance(self, amount: int = 1, **shown: str) -> None:
        """`amount` more units are done; `shown` are short facts to display beside the bar."""
        ...


class Quiet:
    """A progress that shows nothing: the default of library calls."""

    def advance(self, amount: int = 1, **shown: str) -> None:
        """Do nothing."""


class _Bar:
    def __init__(self, bar: object, task: object) -> None:
        self._bar, self._task = bar, task

    def advance(self, amount: int = 1, **shown: str) -> None:
        facts = "  ".join(f"{name} {value}" for name, value in shown.items())
        self._bar.update(self._task, advance=amount, **({"facts": facts} if shown else {}))  # type: ignore[attr-defined]


@contextmanager
def bar(what: str, total: int | None, unit: str = "photos", show: bool | None = None) -> Iterator[Progress]:
    """A bar on stderr with units per second and time left.

    show: None means only when stderr is a terminal.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield Quiet()
        return
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: object) -> Text:
            speed = getattr(task, "speed", None) or getattr(task, "finished_speed", None)
            return Text(f"{speed:.0f} {unit}/s" if speed else f"- {unit}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        Speed(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Rich(*columns, console=Console(stderr=True)) as rich:
        yield _Bar(rich, rich.add_task(what, total=total, facts=""))
