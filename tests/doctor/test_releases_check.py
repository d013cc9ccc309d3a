"""The data doctor on published releases: counts beside the published ones, and what is missing where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import releases
from lapel.datasets import RELEASES, read
from lapel.datasets.releases import detecting
from lapel.doctor import check
from lapel.interfaces.cli.main import command, main

SMALL = {"labels": {"train": (4,) * 8}, "queries": {"test": (2,) * 8}, "gallery": {"test": (4,) * 8}}


def test_every_difference_from_the_published_counts_is_listed(tmp_path: Path) -> None:
    found = check(read(releases.fashionai(tmp_path / "FashionAI"), missing="ignore"))
    texts = [problem.text for problem in found.problems]
    assert "Not as published, photos listed: train 32 of 144,335; valid 48 of 18,000; test 48 of 18,000." in texts
    queries = next(text for text in texts if "queries" in text)
    assert queries.startswith("Not as published, queries: test, skirt_length 2 of 422; test, sleeve_length 2 of 623;")
    assert queries.count(" of ") == 8 and not any("values" in text for text in texts)
    assert found.usable and not found.as_published


def test_a_release_with_its_published_counts_is_whole_until_a_photo_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = replace(RELEASES["fashionai"].published, photos={"train": 32, "valid": 48, "test": 48}, **SMALL)
    monkeypatch.setitem(detecting.RELEASES, "fashionai", replace(RELEASES["fashionai"], published=stated))
    root = releases.fashionai(tmp_path / "FashionAI")
    whole = check(read(root, missing="ignore"))
    assert whole.as_published and all(count.agrees for count in whole.counts) and len(whole.counts) == 35
    lost = read(root)
    for name in ("test/0", "test/2", "train/1"):
        lost.paths[lost.ids.index(name)].unlink()
    part = check(read(root, missing="ignore"))
    assert not part.as_published and part.missing == ("train/1", "test/0", "test/2")
    assert part.absent == {
        "train, fashionAI_attributes_train2": (1, 16),
        "test, fashionAI_attributes_train1": (2, 24),
    }
    told = next(problem.text for problem in part.problems if "missing" in problem.text)
    assert told.endswith("test, fashionAI_attributes_train1: 2 of 24.")


def test_stated_but_uncounted_figures_are_notes(tmp_path: Path) -> None:
    found = check(read(releases.zappos50k(tmp_path / "z")), pictures=False)
    note = next(p for p in found.problems if "triplets" in p.text)
    assert note.severity == "note" and note.text.startswith("Not as stated, triplets: train, class 30 of 200,000;")


def test_the_command_on_a_release(tmp_path: Path) -> None:
    root = releases.darn(tmp_path / "DARN")
    words = ["data", "check", str(tmp_path / "DARN"), "--labels-only"]
    shown = CliRunner().invoke(command, words)
    assert shown.exit_code == 0 and "published counts: 9 of 30 agree" in shown.output
    asserted = CliRunner().invoke(command, [*words, "--published", "--json"])
    assert asserted.exit_code == 1 and json.loads(asserted.output)["counts"][0] == {
        "what": "photos listed, train", "expected": 171_697, "found": 36, "sure": True,
    }  # fmt: skip
    (root / "pic").rename(tmp_path / "pic")
    named = CliRunner().invoke(command, [*words[:3], "--release", "darn", "--images", str(tmp_path), "--json"])
    assert json.loads(named.output)["missing"] == []


def test_the_exit_status_reaches_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels.csv").write_text("image,color\na.jpg,red\nb.jpg,blue\nc.jpg,red\nd.jpg,blue\n")
    monkeypatch.setattr("sys.argv", ["lapel", "data", "check", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1


def test_a_release_is_converted_by_the_command(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    done = CliRunner().invoke(command, ["data", "convert", str(root), str(tmp_path / "z.parquet"), "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["attributes"] == list(releases.CONDITIONS)
    again = read(tmp_path / "z.parquet")
    assert again.triplets is not None and len(again.triplets.lists["test"]["heel"]) == 30
