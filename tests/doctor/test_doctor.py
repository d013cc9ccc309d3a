"""The data doctor finds what was put there, and nothing in clean data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageEnhance

from lapel.datasets import read
from lapel.doctor import Diagnosis, check
from lapel.errors import TableError
from lapel.interfaces.cli.main import command


def draw(path: Path, seed: int) -> Path:
    """A smooth random picture: distinct seeds look different, and JPEG keeps them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC).save(path, quality=92)
    return path


def build(folder: Path, rows: list[str], header: str = "image,split,color,shape") -> Path:
    for number, row in enumerate(rows):
        draw(folder / row.split(",")[0], number)
    (folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def clean_rows(count: int = 16) -> list[str]:
    return [
        f"p/{n}.jpg,{'train' if n < count // 2 else 'test'},{('red', 'blue')[n % 2]},{('a', 'b')[n // 2 % 2]}"
        for n in range(count)
    ]


def texts(found: Diagnosis, severity: str) -> list[str]:
    return [problem.text for problem in found.problems if problem.severity == severity]


def test_clean_data_has_no_problem(tmp_path: Path) -> None:
    found = check(build(tmp_path, clean_rows()), attributes=["color", "shape"])
    assert found.problems == () and found.verdict == "USABLE: nothing to correct."
    assert (found.items, found.pictures, found.splits) == (16, 16, {"train": 8, "test": 8})
    assert found.short_side == (128, 128, 128) and found.groups == ()
    color = found.attributes[0]
    assert (color.name, color.values, color.labelled) == ("color", {"blue": 8, "red": 8}, {"train": 8, "test": 8})
    assert (color.unknown, color.rarest, color.rarest_count, color.verdict) == (0.0, "blue", 4, "good")


def test_missing_and_unreadable_pictures_with_reasons(tmp_path: Path) -> None:
    build(tmp_path, clean_rows())
    (tmp_path / "p/0.jpg").unlink()
    (tmp_path / "p/1.jpg").write_bytes(b"")
    (tmp_path / "p/2.jpg").write_bytes(b"<html>")
    (tmp_path / "p/3.jpg").write_bytes((tmp_path / "p/3.jpg").read_bytes()[:700])
    found = check(tmp_path)
    assert found.missing == ("p/0.jpg",) and list(found.unreadable) == ["p/1.jpg", "p/2.jpg", "p/3.jpg"]
    assert found.usable and found.verdict == "USABLE, with 2 things to correct."
    missing, unreadable = texts(found, "fix")
    assert missing == "1 image missing: p/0.jpg."
    assert unreadable.startswith("3 images unreadable.") and "0 bytes" in unreadable and "not a picture" in unreadable
    assert "end too early" in unreadable
    assert found.attributes[0].labelled == {"train": 4, "test": 8}  # a label without a picture teaches nothing


def test_mostly_broken_data_is_unusable(tmp_path: Path) -> None:
    build(tmp_path, clean_rows())
    for n in range(9):
        (tmp_path / f"p/{n}.jpg").write_bytes(b"no")
    found = check(tmp_path)
    assert not found.usable and found.verdict == "UNUSABLE: 9 of 16 pictures are missing or cannot be read."


def test_exact_and_near_duplicates_leaks_and_contradicting_labels(tmp_path: Path) -> None:
    build(tmp_path, clean_rows())
    shutil.copy(tmp_path / "p/0.jpg", tmp_path / "p/2.jpg")  # same split, other shape
    shutil.copy(tmp_path / "p/1.jpg", tmp_path / "p/9.jpg")  # train and test, same labels but for none
    with Image.open(tmp_path / "p/5.jpg") as image:
        ImageEnhance.Brightness(image).enhance(0.95).resize((100, 100)).save(tmp_path / "p/13.jpg", quality=70)
    found = check(tmp_path, attributes=["color", "shape"])
    exact = {group.items: (group.splits, group.differing) for group in found.exact}
    assert exact == {
        ("p/0.jpg", "p/2.jpg"): (("train",), ("shape",)),
        ("p/1.jpg", "p/9.jpg"): (("test", "train"), ()),
    }
    assert [(group.items, group.splits) for group in found.near] == [(("p/13.jpg", "p/5.jpg")[::-1], ("test", "train"))]
    assert {group.items for group in found.leaks} == {("p/1.jpg", "p/9.jpg"), ("p/5.jpg", "p/13.jpg")}
    fixes = texts(found, "fix")
    assert "1 group of equal files in more than one split: p/1.jpg, p/9.jpg (test, train)." in fixes
    assert "1 group of pictures that look the same in more than one split: p/5.jpg, p/13.jpg (test, train)." in fixes
    assert "1 group of equal files with different labels: p/0.jpg, p/2.jpg (shape)." in fixes


def test_spellings_stand_ins_and_single_values(tmp_path: Path) -> None:
    rows = [
        f"p/{n}.jpg,{'train' if n < 8 else 'test'},{['V-shape', 'v shape', 'round', 'N/A'][n % 4]},only"
        for n in range(16)
    ]
    found = check(build(tmp_path, rows), attributes=["color", "shape"], pictures=False)
    assert [spelling.values for spelling in found.spellings] == [{"V-shape": 4, "v shape": 4}]
    fixes = texts(found, "fix")
    assert "color: the same value in different spellings: 'V-shape' (4), 'v shape' (4)." in fixes
    assert "color: the value 'N/A' (4 items) looks like 'unknown'; leave the cell empty." in fixes
    assert "shape: all labels are 'only'; there is nothing to tell apart." in fixes
    assert [report.verdict for report in found.attributes] == ["good", "one value"]
    assert found.pictures == 0 and found.groups == ()


def test_too_few_examples_to_train_or_to_evaluate(tmp_path: Path) -> None:
    rows = [f"p/{n}.jpg,train,{'red' if n < 4 else 'blue'},a" for n in range(8)]
    rows += ["p/8.jpg,train,green,b", "p/9.jpg,test,red,a", "p/10.jpg,test,red,b", "p/11.jpg,test,blue,b"]
    color, shape = check(build(tmp_path, rows), attributes=["color", "shape"], pictures=False).attributes
    assert color.trains and color.evaluates and color.verdict == "rare values"
    assert color.few_train == ("green",) and color.few_test == ("blue", "green")
    assert not shape.trains and shape.evaluates and shape.verdict == "evaluate only"


def test_labels_that_suffice_for_nothing_make_it_unusable(tmp_path: Path) -> None:
    found = check(build(tmp_path, ["a.jpg,train,red,x", "b.jpg,test,blue,y"]), attributes=["color"], pictures=False)
    assert not found.usable and found.verdict == "UNUSABLE: no attribute has enough labels to train or to evaluate."


def test_several_values_in_a_cell_count_for_each(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,train,red|blue,a" for n in range(3)] + ["3.jpg,train,,b"]
    (color,) = check(build(tmp_path, rows), attributes=["color"], pictures=False).attributes
    assert color.values == {"blue": 3, "red": 3} and color.labelled == {"train": 3} and color.unknown == 0.25


def test_a_table_without_splits_and_loose_photos(tmp_path: Path) -> None:
    whole = build(tmp_path / "whole", [f"{n}.jpg,{'ab'[n % 2]}" for n in range(6)], "image,kind")
    found = check(whole)
    assert found.splits == {"all": 6} and found.attributes[0].verdict == "good"
    assert texts(found, "note") == ["There is no column 'split'; counts to train and to evaluate are over all items."]
    for n in range(3):
        draw(tmp_path / "loose" / f"{n}.jpg", n)
    loose = check(tmp_path / "loose")
    assert loose.usable and texts(loose, "note")[0].startswith("There are no attributes: the photos can be indexed")


def test_masks_that_do_not_exist(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,m{n}.png" for n in range(3)] + ["3.jpg,"]
    build(tmp_path, rows, "image,mask")
    (tmp_path / "m0.png").touch()
    assert check(tmp_path).missing_masks == ("1.jpg", "2.jpg")


def test_the_second_run_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = check(build(tmp_path, clean_rows()))

    def refuse(*_: object) -> None:
        raise AssertionError("a picture was decoded again")

    monkeypatch.setattr("lapel.images.fingerprinting.open_image", refuse)
    assert check(read(tmp_path)) == first


def test_the_command_and_its_exit_status(tmp_path: Path) -> None:
    build(tmp_path, clean_rows())
    (tmp_path / "p/1.jpg").write_bytes(b"no")
    run = CliRunner().invoke
    shown = run(command, ["data", "check", str(tmp_path)])
    assert shown.exit_code == 0
    assert shown.output.splitlines()[0] == "USABLE, with 1 thing to correct."
    for part in ("16 items (train 8, test 8)", "15 readable, 0 missing, 1 unreadable", "color", "not a picture"):
        assert part in shown.output
    facts = json.loads(run(command, ["data", "check", str(tmp_path), "--json"]).output)
    assert facts["usable"] and facts["attributes"][0]["verdict"] == "good" and list(facts["unreadable"]) == ["p/1.jpg"]
    for n in range(16):
        (tmp_path / f"p/{n}.jpg").unlink()
    broken = run(command, ["data", "check", str(tmp_path), "--json"])
    assert broken.exit_code == 1 and json.loads(broken.output)["verdict"].startswith("UNUSABLE")
    assert isinstance(run(command, ["data", "check", str(tmp_path / "gone")]).exception, TableError)
    labels = run(command, ["data", "check", str(tmp_path), "--labels-only", "--attribute", "color"])
    assert labels.exit_code == 0 and "shape" not in labels.output


def test_the_real_sets(shared: Path) -> None:
    found = check(shared / "data" / "clothing-attributes")
    assert found.usable and not found.missing and not found.unreadable
    assert len(found.exact) == 30 and len(found.leaks) == 17 and len(found.attributes) == 11
