"""Folders of photos: class folders, split folders, loose photos."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapel.datasets import read
from lapel.errors import TableError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_class_folders(tmp_path: Path) -> None:
    table = read(
        touch(
            tmp_path,
            "dress/2.JPG",
            "dress/1.png",
            "skirt/deep/er/3.webp",
            "skirt/notes.txt",
            ".git/4.jpg",
            "dress/.5.jpg",
        )
    )
    assert table.ids == ("dress/1.png", "dress/2.JPG", "skirt/deep/er/3.webp")
    assert table.table["category"].to_pylist() == ["dress", "dress", "skirt"]
    assert table.vocabulary.to_dict() == {"category": ["dress", "skirt"]}
    assert table[2].image == tmp_path / "skirt/deep/er/3.webp"
    assert table.notes == ("1 other files were passed over.",)


def test_split_folders(tmp_path: Path) -> None:
    table = read(touch(tmp_path, "train/dress/1.jpg", "val/dress/2.jpg", "Test/skirt/3.jpg"))
    rows = {item.id: (item.split, item.labels["category"]) for item in table}
    assert rows == {
        "Test/skirt/3.jpg": ("test", {"skirt"}),
        "train/dress/1.jpg": ("train", {"dress"}),
        "val/dress/2.jpg": ("valid", {"dress"}),
    }


@pytest.mark.parametrize(
    "names", [("1.jpg", "2.jpg"), ("images/1.jpg", "images/2.jpg"), ("1.jpg", "more/2.jpg", "other/3.jpg")]
)
def test_loose_photos(names: tuple[str, ...], tmp_path: Path) -> None:
    table = read(touch(tmp_path, *names), name="mine")
    assert table.ids == names and len(table.vocabulary) == 0 and table.name == "mine"
    assert table.notes == ("The photos are taken as loose, without labels.",)


def test_a_table_in_the_folder_is_preferred_and_one_of_another_name_is_pointed_out(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "items.csv").write_text("image\n1.jpg\n")
    assert "items.csv was not read, because it is not called labels.csv" in read(tmp_path).notes[1]
    (tmp_path / "items.csv").rename(tmp_path / "labels.csv")
    assert read(tmp_path).ids == ("1.jpg",)


def test_a_folder_without_photos(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"there is no photo and no labels\.csv or labels\.parquet in this folder"):
        read(touch(tmp_path, "a.txt"))
