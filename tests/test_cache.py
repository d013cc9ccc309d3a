"""The cache folder: where it is, what it holds, and that `clear` removes nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lapel import cache
from lapel.errors import InputError
from lapel.interfaces.cli.main import command


def test_the_environment_moves_it_and_info_of_nothing_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "elsewhere"))
    assert cache.cache_dir() == tmp_path / "elsewhere"
    assert cache.info().bytes == 0 and not cache.cache_dir().exists()
    monkeypatch.delenv("LAPEL_CACHE")
    assert cache.cache_dir().name == "lapel" or "lapel" in cache.cache_dir().parts


def test_info_counts_and_clear_removes() -> None:
    (cache.make("images") / "sub").mkdir()
    (cache.make("images") / "sub" / "a").write_bytes(b"12345")
    (cache.make("hashes") / "b").write_bytes(b"12")
    held = cache.info()
    assert [(part.name, part.files, part.bytes) for part in held.parts] == [("images", 1, 5), ("hashes", 1, 2)]
    assert cache.clear() == held
    assert not cache.cache_dir().exists() and cache.clear().bytes == 0


def test_clear_refuses_a_folder_that_is_not_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="does not look like Lapel's cache"):
        cache.clear()
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_the_command() -> None:
    (cache.make("images") / "a").write_bytes(b"x" * 1500)
    run = CliRunner().invoke
    shown = run(command, ["cache", "info"])
    assert shown.exit_code == 0 and "images" in shown.output and str(cache.cache_dir()) in shown.output
    facts = json.loads(run(command, ["cache", "info", "--json"]).output)
    assert facts == {"folder": str(cache.cache_dir()), "bytes": 1500, "parts": {"images": {"files": 1, "bytes": 1500}}}
    assert json.loads(run(command, ["cache", "clear", "--json"]).output)["bytes"] == 1500
    assert run(command, ["cache", "clear"]).output.startswith("Removed 0.0 MB from")
