"""The pages: their code parses, their links lead somewhere, and they are not stale."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lapel.interfaces.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)])
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
names = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@names
def test_python_blocks_parse(page: Path) -> None:
    for language, code in FENCE.findall(page.read_text()):
        if language == "python":
            ast.parse(code, filename=str(page))


@names
def test_links_to_files_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    for target in targets:
        path = target.split("#")[0]
        if path and not re.match(r"[a-z]+:", path):
            assert (page.parent / path).exists(), f"{page.name} links to {target}"


@names
def test_shell_lines_call_commands_that_exist(page: Path) -> None:
    called = {
        name
        for language, code in FENCE.findall(page.read_text())
        if language in {"bash", "console", "sh"}
        for name in re.findall(r"^\s*(?:\$ )?(?:\S*/)?lapel ([a-z]+)", code, re.MULTILINE)
    }
    assert called <= set(COMMANDS)


def test_the_commands_page_is_what_the_commands_say() -> None:
    # In a process of its own: click remembers on each command how help was first asked for, here by other tests.
    code = "import runpy, sys; sys.stdout.write(runpy.run_path('docs/write_commands.py')['page']())"
    run = [sys.executable, "-c", code]
    page = subprocess.run(run, cwd=ROOT, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"})
    assert page.returncode == 0, page.stderr
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page.stdout, "run `make docs`"


def test_every_room_is_on_the_map() -> None:
    source = ROOT / "src" / "lapel"
    rooms = {p.stem for p in source.iterdir() if (p.is_dir() and (p / "__init__.py").is_file()) or p.suffix == ".py"}
    for page in ("README.md", "docs/architecture.md"):
        told = set(re.findall(r"`([a-z_]+)/?`", (ROOT / page).read_text()))
        assert rooms - told - {"__init__", "_version"} == set(), page


@pytest.mark.parametrize("name", ["guides/dataset", "guides/loss", "guides/model", "evaluation"])
def test_the_guides_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in {"guides/loss", "guides/model"}:
        pytest.importorskip("torch", reason="the guide trains: needs the train extra")
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / f"{name}.md"
    code = "\n".join(code for language, code in FENCE.findall(page.read_text()) if language == "python")
    exec(compile(code, str(page), "exec"), {"__name__": "guide"})
