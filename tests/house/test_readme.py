"""What the README tells a newcomer to type works as it stands, with fewer garments so that it is quick."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GARMENTS = 24


def _blocks(language: str) -> list[str]:
    return [code for kind, code in FENCE.findall((ROOT / "README.md").read_text()) if kind == language]


def _lapel(line: str, folder: Path) -> None:
    arguments = shlex.split(re.sub(r"--n \d+", f"--n {GARMENTS}", line), comments=True)[1:]
    run = [sys.executable, "-c", "from lapel.interfaces.cli.main import main; main()", *arguments]
    if arguments[0] == "serve":
        _serves([*run, "--port", "0"], folder)
        return
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def _serves(run: list[str], folder: Path) -> None:
    """It says where it serves, answers there, and ends quietly when it is told to."""
    with subprocess.Popen(run, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as served:
        try:
            assert served.stdout is not None
            told = ""
            while (address := re.search(r"http://[\d.]+:\d+", told)) is None:
                line = served.stdout.readline()
                assert line, f"it ended without an address:\n{told}"
                told += line
            with urllib.request.urlopen(f"{address[0]}/v1/health", timeout=60) as answer:
                assert answer.status == 200
            served.send_signal(signal.SIGTERM)
            assert served.wait(60) == 0
        finally:
            served.kill()


@pytest.fixture
def worked_through(tmp_path: Path) -> Path:
    """A folder in which the shell lines were typed one after the other."""
    lines = [line for code in _blocks("bash") for line in code.splitlines() if line.startswith("lapel ")]
    assert len(lines) >= 3
    for line in lines:
        _lapel(line, tmp_path)
    return tmp_path


def test_the_lines_run(
    worked_through: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (worked_through / "hits.html").read_text()
    assert "<html" in page and "000007" in page
    monkeypatch.chdir(worked_through)
    for code in _blocks("python"):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5, "one line a hit"
    assert "000007" in printed[0], "the garment most like the query is the query itself"


def test_it_is_short_enough_to_type() -> None:
    lines = [
        line for kind in ("bash", "python") for code in _blocks(kind) for line in code.splitlines() if line.strip()
    ]
    assert len(lines) <= 12
