"""The two commands: what they say on a machine where they cannot work, and what they must not install."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=180)


def test_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    listed = re.findall(r"^make (\S+)\s+\S", _make("help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(phony[1].split())


def test_demo_on_a_fresh_machine_never_asks_for_pytorch(tmp_path: Path) -> None:
    plan = _make("-n", "demo", f"VENV={tmp_path / 'new'}", f"PYTHON={sys.executable}").stdout
    assert "pip install" in plan and "lapel demo" in plan
    assert "[train" not in plan


def test_test_on_a_fresh_machine_installs_everything(tmp_path: Path) -> None:
    plan = _make("-n", "test", f"VENV={tmp_path / 'new'}", f"PYTHON={sys.executable}").stdout
    assert "[train,dev]" in plan and "constraints.txt" in plan


def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.version_info = (3, 10, 4)\n$2"\n')
    old.chmod(0o755)
    done = _make("demo", f"VENV={tmp_path / 'new'}", f"PYTHON={old}")
    assert done.returncode != 0
    assert "is Python 3.10; Lapel needs 3.11 or newer: make PYTHON=" in done.stderr
    assert not (tmp_path / "new").exists()


def test_no_python_at_all_is_answered_with_a_sentence(tmp_path: Path) -> None:
    done = _make("test", f"VENV={tmp_path / 'new'}", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "No 'no-such-python' here. Lapel needs Python 3.11 or newer" in done.stdout


def test_continuous_integration_runs_the_public_targets_and_demands_the_facts() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    targets = re.findall(r"^step make (\S+)", script, re.MULTILINE)
    assert {"check", "test", "wheel", "docs"} <= set(targets)
    assert "LAPEL_REQUIRE_SHARED" in script and "set -euo pipefail" in script


def test_every_benchmark_is_run_by_make_or_listed_to_be_run_by_hand() -> None:
    by_make = re.search(r"^BENCHMARKS \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert by_make
    page = (ROOT / "benchmarks" / "README.md").read_text()
    first, second = page.split("by hand:")
    listed = re.compile(r"^\| `python benchmarks/(\w+)\.py", re.MULTILINE)
    assert listed.findall(first) == by_make[1].split()
    there = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert there == {*listed.findall(first), *listed.findall(second)}
