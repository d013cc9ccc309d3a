"""Releases that are damaged or put together wrongly: one sentence each, naming file, line, number and remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import releases
from lapel.datasets import read
from lapel.errors import TableError


def change(file: Path, line: int, text: str) -> Path:
    """Replace one line, from 1."""
    lines = file.read_text("utf-8").split("\n")
    lines[line - 1] = text
    file.write_text("\n".join(lines), "utf-8")
    return file


@pytest.fixture
def fashionai(tmp_path: Path) -> Path:
    return releases.fashionai(tmp_path / "FashionAI")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "query_test.txt",
            "48 0 0",
            r"query_test\.txt, line 2: image id 48 is out of range: filenames_test\.txt names 48 images, ids 0 to 47 "
            r"\(1 such lines in all\)\. Take both files from the same split, whole\.",
        ),
        ("query_test.txt", "-1 0 0", r"query_test\.txt, line 2: image id -1 is out of range"),
        ("candidate_test.txt", "9 8 0", r"line 2: attribute 8 is out of range: there are 8 \(0 to 7\) by .*meta\.json"),
        ("candidate_test.txt", "9 1 9", r"value 9 of 'sleeve_length' is out of range: it has 9 values \(0 to 8\) by"),
        ("query_valid.txt", "3 x 0", r"query_valid\.txt, line 2: expected whole numbers, found '3 x 0'\."),
        ("query_valid.txt", "3 0 0 1 1", r"line 2: expected an image id and one attribute and its value, found 5 num"),
        (
            "label_train.txt",
            "3 0",
            r"label_train\.txt, line 2: expected an image id and attributes, each with its value",
        ),
        ("filenames_test.txt", "", r"filenames_test\.txt, line 2: an empty line\. The line number is the image's id"),
    ],
)
def test_a_number_that_points_outside_is_named(fashionai: Path, file: str, text: str, message: str) -> None:
    change(fashionai / file, 2, text)
    with pytest.raises(TableError, match=message):
        read(fashionai, missing="ignore")


def test_the_image_list_of_another_split(fashionai: Path) -> None:
    valid, test = fashionai / "filenames_valid.txt", fashionai / "filenames_test.txt"
    test.write_text(valid.read_text())
    with pytest.raises(
        TableError, match=r"filenames_valid\.txt and filenames_test\.txt name the same 48 images, so one"
    ):
        read(fashionai)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "fashionai",
            r"lies in the folder of another attribute than its label's \(\d+ of \d+ labels\)\. The image list is",
        ),
        ("darn", r"has another clothes category than most of its folder .* The image list is that of another split"),
        ("deepfashion", r"has no such label in label_test\.txt .* The image list is that of another split"),
    ],
)
def test_lists_of_two_releases_of_the_split_are_told_by_what_the_paths_say(
    name: str, message: str, tmp_path: Path
) -> None:
    root = releases.MAKERS[name](tmp_path / name, test=12)
    listed = root / ("label_test.txt" if name == "deepfashion" else "filenames_test.txt")
    lines = listed.read_text().split("\n")
    if name == "deepfashion":  # its folders tell nothing; its labels of all attributes do
        moved = [f"{n}\t" + lines[(n + 7) % len(lines)].split("\t", 1)[1] for n in range(len(lines))]
    else:
        moved = [lines[(n + len(lines) // 2 + 1) % len(lines)] for n in range(len(lines))]
    listed.write_text("\n".join(moved))
    with pytest.raises(TableError, match=message):
        read(root, missing="ignore")


def test_queries_without_candidates(fashionai: Path) -> None:
    (fashionai / "candidate_test.txt").unlink()
    with pytest.raises(TableError, match="the test split has queries or candidates, but not both; get the other file"):
        read(fashionai)


def test_two_values_of_an_attribute_in_a_split_with_queries(fashionai: Path) -> None:
    with (fashionai / "candidate_test.txt").open("a") as stream:
        stream.write("\n0 0 3")
    with pytest.raises(
        TableError, match=r"line 33: image 0 has value 'Midi' here and 'Invisible' before\. In a split with"
    ):
        read(fashionai)


def test_a_triplet_list_that_names_unknown_images(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    file = change(root / "tripletlists" / "gender_tripletlist_val.txt", 4, "0 24 3")
    with pytest.raises(TableError) as error:
        read(root)
    assert str(error.value) == (
        f"{file}, triplet 4: image 24 is unknown: filenames.json names 24 images, ids 0 to 23 (1 such triplets). The "
        "lists and filenames.json must come from the same download."
    )
    change(file, 4, "0 1")
    with pytest.raises(TableError, match=r"gender_tripletlist_val\.txt, line 4: expected three image ids, found 2\."):
        read(root)
    change(file, 4, "0 1 b")
    with pytest.raises(TableError, match=r"line 4: expected whole numbers, found '0 1 b'\."):
        read(root)


def test_kfashion_labels_without_a_style(tmp_path: Path) -> None:
    root = releases.kfashion_raw(tmp_path / "raw", styleless=1)
    with pytest.raises(TableError) as error:
        read(root)
    file = root / "Training" / "라벨링데이터" / "클래식" / "5.json"
    assert str(error.value) == (
        f"1 of 9 K-Fashion label files name no style; the first is {file}, whose 라벨링 / 스타일 is [{{}}]. Leave the "
        "style of these photos unknown with missing='skip' (--skip), or remove the files."
    )
    part = read(root, missing="skip")
    assert "style" not in part[part.ids.index("train/클래식/5")].labels and len(part) == 9
    assert part.notes[0].startswith("1 of 9 label files name no style")
    file.write_text("{}")
    with pytest.raises(TableError, match=r"5\.json: this is not a K-Fashion label file \(KeyError: '데이터셋 정보'\)"):
        read(root, missing="skip")


def test_facts_that_contradict_themselves(fashionai: Path, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(TableError, match=r"meta\.json: this cannot be read:"):
        read(fashionai)
    (tmp_path / "meta.json").write_text(json.dumps({"FashionAI": {"NAMES": []}}))
    with pytest.raises(TableError, match=r"meta\.json: this does not describe FashionAI as the releases do"):
        read(fashionai)
    (tmp_path / "meta.json").unlink()
    facts = "DATA:\n  NUM_ATTRIBUTES: 7\n  ATTRIBUTES: {NAME: [a, b], NUM: [2]}\n"
    (fashionai / "FashionAI.yaml").write_text(facts)
    with pytest.raises(TableError, match="2 attributes are named, 1 have a number of values, and NUM_ATTRIBUTES is 7"):
        read(fashionai)


def test_fine_lists_of_unequal_length(tmp_path: Path) -> None:
    root = releases.deepfashion_fine(tmp_path / "f")
    file = root / "split" / "val_attr.txt"
    change(file, 2, "5 0 2 0 2")
    with pytest.raises(TableError, match=r"val_attr\.txt, label 2: expected 6 numbers, found '5 0 2 0 2'"):
        read(root)
    change(file, 2, "7 0 2 0 2 2")
    with pytest.raises(TableError, match=r"label 2: texture is 7; it has values 0 to 6\."):
        read(root)
    file.write_text("5 0 2 0 2 2\n")
    with pytest.raises(TableError, match=r"val_attr\.txt labels 1 images, val\.txt names 4: one is of another split\."):
        read(root)


def test_original_labels_with_two_values(tmp_path: Path) -> None:
    root = releases.fashionai_original(tmp_path / "o")
    line = "Images/skirt_length_labels/x.jpg,skirt_length_labels,nyynnn"
    change(root / "base" / "Annotations" / "label.csv", 2, line)
    with pytest.raises(
        TableError, match=r"label\.csv, line 2: 'nyynnn' must be 6 letters for skirt_length: one y, else"
    ):
        read(root)


def test_class_names_with_a_gap(tmp_path: Path) -> None:
    root = releases.fashion14k(tmp_path / "f")
    (root / "classid.txt").write_text("0:mode\n2:rock\n")
    with pytest.raises(TableError, match=r"classid\.txt: class ids must be 0 to 1; found \[0, 2\]"):
        read(root)


def test_lists_of_no_known_release(tmp_path: Path) -> None:
    (tmp_path / "filenames_train.txt").write_text("photos/1.jpg\n")
    with pytest.raises(TableError, match=r"'photos/1\.jpg' is like no release that Lapel knows\. Name it: --release"):
        read(tmp_path)
