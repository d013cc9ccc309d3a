"""The command line as a person meets it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lapel.interfaces.cli.main import main

Says = Callable[..., str]


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Says:
    """Run `lapel ...`; the one line on stderr, with the temporary folder cut out of paths."""

    def run(*words: str | Path) -> str:
        monkeypatch.setattr("sys.argv", ["lapel", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1
        return re.sub(re.escape(f"{tmp_path}/"), "", lines[0]).removeprefix("Error: ")

    return run
