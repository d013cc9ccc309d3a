"""Fixtures that every room's tests may use."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
TORCH_IS_HERE = importlib.util.find_spec("torch") is not None
ASKS_FOR_TORCH = re.compile(
    r"^(?:from|import) (?:torch|timm|safetensors|onnx\b|lapel\.(?:models|losses|training|parity)|lapel\.export)",
    re.MULTILINE,
)
ALONE = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def _needs_training(file: Path) -> bool:
    """Whether a test file, or a helper beside this file that it imports, asks for the train extra."""
    text = file.read_text(encoding="utf-8")
    helpers = (Path(__file__).with_name(f"{name}.py") for name in re.findall(r"^from (\w+) import", text, re.MULTILINE))
    return bool(ASKS_FOR_TORCH.search(text)) or any(_needs_training(helper) for helper in helpers if helper.is_file())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Where the train extra is not installed (`make test-base`), leave out the files that import it."""
    if TORCH_IS_HERE or not collection_path.name.startswith("test_"):
        return None
    return True if _needs_training(collection_path) else None


def pytest_report_header() -> str | None:
    """Say that files were left out, so that nobody takes a base run for a whole one."""
    return (
        None if TORCH_IS_HERE else "PyTorch is not installed: test files that import the training rooms are left out."
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`lapel ...` by its words: exit code, standard output, standard error."""
    from lapel.interfaces.cli.main import main

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lapel", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the cache of the person who runs it."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "lapel-cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The facts and data kept beside the project; a test that needs them skips without them."""
    if SHARED.is_dir():
        return SHARED
    reason = "needs the reference facts and data beside the project (../shared)"
    if os.environ.get("LAPEL_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def chromium(tmp_path: Path) -> Callable[..., str]:
    """Run a headless browser: `chromium("--dump-dom", page.as_uri())` gives what it printed. Skips where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs a browser: `make chromium` installs Debian's")

    def run(*arguments: str) -> str:
        own = f"--user-data-dir={tmp_path / 'chromium'}"
        done = subprocess.run([program, *ALONE, own, *arguments], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
