"""Wrong inputs of composed retrieval by the real command line: one sentence each, on stderr, exit code 1, no traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lapel.datasets.composed import fashioniq as reader
from lapel.errors import UnknownName

Told = tuple[int, str, str]


@pytest.fixture
def evaluate(fashioniq: Path, run: Callable[..., Told]) -> Callable[..., Told]:
    def call(*more: str, first: dict[str, Any] | None = None) -> Told:
        captions = fashioniq / "captions/cap.dress.val.json"
        rows = json.loads(captions.read_text())
        captions.write_text(json.dumps([rows[0] | (first or {}), *rows[1:]]))
        told = run("evaluate", "clip:tiny:random:sum", fashioniq, "--json", "-", *more)
        captions.write_text(json.dumps(rows))
        return told

    return call


def sentence(told: Told) -> str:
    """What was said of a refusal; it is one line and nothing else was printed."""
    code, out, err = told
    lines = [line for line in err.splitlines() if line.strip()]
    assert code == 1 and out == "" and "Traceback" not in err and len(lines) == 1, err
    return lines[0]


def test_a_caption_without_its_image(evaluate: Callable[..., Told], fashioniq: Path) -> None:
    rows = json.loads((fashioniq / "captions/cap.dress.val.json").read_text())
    gone = rows[0]["candidate"]
    for file in fashioniq.rglob(f"{gone}.*"):
        file.unlink()
    said = sentence(evaluate())
    assert gone in said and "--skip" in said
    code, out, _ = evaluate("--skip")
    assert code == 0 and any("pictures are missing" in note for note in json.loads(out)["notes"])


def test_a_picture_in_no_split(evaluate: Callable[..., Told]) -> None:
    assert "B00STRANGER" in sentence(evaluate(first={"candidate": "B00STRANGER"}))
    assert "B00STRANGER" in sentence(evaluate(first={"target": "B00STRANGER"}))


def test_empty_and_long_captions_are_said_in_the_figures(evaluate: Callable[..., Told]) -> None:
    code, out, _ = evaluate(first={"captions": ["", " "]})
    assert code == 0 and "1 records have no words in either caption and are left out." in json.loads(out)["notes"]
    code, out, _ = evaluate(first={"captions": ["much " * 80, "is red"]})
    assert code == 0 and any("77 tokens and were cut" in note for note in json.loads(out)["notes"])
    assert "two captions a record" in sentence(evaluate(first={"captions": ["is red"]}))


def test_unknown_names(evaluate: Callable[..., Told], fashioniq: Path) -> None:
    assert "Unknown protocol 'fashionic'. Did you mean 'fashioniq'?" in sentence(evaluate("--protocol", "fashionic"))
    assert "Unknown split 'vall'. Did you mean 'val'?" in sentence(evaluate("--split", "vall"))
    with pytest.raises(UnknownName, match="Unknown category 'hat'"):
        reader.read(fashioniq, categories=("hat",))
