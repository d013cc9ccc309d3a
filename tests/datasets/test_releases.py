"""Miniature releases in their exact layouts: found, read, converted; ids stay when photos are missing."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import releases
from lapel.datasets import RELEASES, read, write
from lapel.datasets.releases import compare
from lapel.errors import TableError, UnknownName


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_found_by_its_layout_and_by_name(name: str, tmp_path: Path) -> None:
    root = releases.MAKERS[name](tmp_path / "data" / "some-folder")
    table = read(root)
    assert table.release is not None and table.release.name == table.name == name
    assert read(root, release=name).fingerprint == table.fingerprint
    assert RELEASES[name].read(root).fingerprint == table.fingerprint
    assert all(path.is_file() for path in table.paths)


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_becomes_one_table_and_back(name: str, tmp_path: Path) -> None:
    table = read(releases.MAKERS[name](tmp_path / "release"))
    again = read(write(table, tmp_path / "out" / "table.parquet"))
    assert again.fingerprint == table.fingerprint and again.vocabulary == table.vocabulary
    assert again.release == table.release and again.complete == table.complete
    assert all(path.is_file() for path in again.paths)
    as_csv = read(write(table, tmp_path / "out" / "table.csv"), attributes=table.vocabulary.names)
    assert as_csv.ids == table.ids and "role" not in as_csv.vocabulary.names


def test_labels_and_lists_of_fashionai_are_those_of_the_lines(tmp_path: Path) -> None:
    root = releases.fashionai(tmp_path / "FashionAI")
    table = read(root)
    rows = dict(zip(table.ids, table, strict=True))
    for split in ("valid", "test"):
        names = (root / f"filenames_{split}.txt").read_text().split("\n")
        for kind, role in (("query", "query"), ("candidate", "gallery")):
            for line in (root / f"{kind}_{split}.txt").read_text().split("\n"):
                number, attribute, value = map(int, line.split())
                item = rows[f"{split}/{number}"]
                name = table.vocabulary.names[attribute]
                assert item.image == root / names[number] and item.metadata["role"] == role
                assert item.labels == {name: {table.vocabulary[name].values[value]}}
    assert table.vocabulary["coat_length"].values[-1] == "Ankle & Floor"
    assert {row["role"] for row in table.split("train").table.to_pylist()} == {None}


def test_a_training_photo_of_darn_has_several_attributes(tmp_path: Path) -> None:
    first = read(releases.darn(tmp_path / "DARN"))[0]
    assert first.labels == {"clothes category": {"0"}, "clothes button": {"0"}}


def test_an_image_may_ask_under_one_attribute_and_be_ranked_under_another(tmp_path: Path) -> None:
    root = releases.fashionai(tmp_path / "FashionAI")
    for file, line in (("query", "1 0 2"), ("candidate", "2 5 1")):
        with (root / f"{file}_test.txt").open("a") as stream:
            stream.write(f"\n{line}")
    with pytest.raises(TableError, match="folder of another attribute"):
        read(root)  # in FashionAI itself a folder has one attribute; where nothing tells, the lists are believed
    names = [f"img/Dress/img_{n:08}.jpg" for n in range(48)]
    for name in names:
        releases.draw(root / name)
    for split in ("train", "valid", "test"):
        count = len((root / f"filenames_{split}.txt").read_text().split("\n"))
        (root / f"filenames_{split}.txt").write_text("\n".join(f"{split}-{n}.jpg" for n in range(count)))
    table = read(root, release="fashionai", missing="ignore")
    roles = dict(zip(table.ids, table.table["role"].to_pylist(), strict=True))
    assert roles["test/1"] == "query" and roles["test/2"] == "query:coat_length|gallery:lapel_design"


def test_the_facts_of_all_three_shapes_are_the_same(tmp_path: Path) -> None:
    root = releases.deepfashion(tmp_path / "DeepFashion")
    from_yaml = read(root)
    (root / "DeepFashion.yaml").unlink()
    assert read(root).fingerprint == from_yaml.fingerprint
    attributes = [{"name": name, "num": size} for name, size in releases.DEEPFASHION.items()]
    lists = {
        s: {"fname_list": f"{s}.txt", "label_file": {"query": f"q_{s}.txt", "candidate": f"c_{s}.txt"}}
        for s in ("valid", "test")
    }
    lists["train"] = {"fname_list": "train.txt", "label_file": "l.txt"}
    (root.parent / "meta.json").write_text(json.dumps({"DeepFashion": {"attributes": attributes, **lists}}))
    for old, new in (("filenames", ""), ("query", "q_"), ("candidate", "c_")):
        for split in ("train", "valid", "test"):
            if (root / f"{old}_{split}.txt").exists():
                (root / f"{old}_{split}.txt").rename(root / f"{new}{split}.txt")
    (root / "label_train.txt").rename(root / "l.txt")
    assert read(root, release="deepfashion").fingerprint == from_yaml.fingerprint


def test_values_of_deepfashion_get_their_names(tmp_path: Path) -> None:
    root = releases.deepfashion(tmp_path / "DeepFashion")
    assert "values are called by number" in read(root).notes[-1]
    releases.attribute_names(root / "Anno_coarse" / "list_attr_cloth.txt")
    named = read(root)
    assert named.vocabulary["part-related"].values[:2] == ("part-related look 0", "part-related look 1")
    assert named[0].labels["texture-related"] == {"texture-related look 0"}


def test_a_missing_photo_stops_or_is_left_out_and_no_id_moves(tmp_path: Path) -> None:
    root = releases.fashionai(tmp_path / "FashionAI")
    whole = read(root)
    lost = [whole.ids.index("test/3"), whole.ids.index("test/4")]
    for row in lost:
        whole.paths[row].unlink()
    with pytest.raises(
        TableError, match=r"fashionai: 2 of 128 images do not exist: fashionAI_attributes_train2/.*test"
    ):
        read(root)
    part = read(root, missing="skip")
    assert set(whole.ids) - set(part.ids) == {"test/3", "test/4"} and not part.complete
    for item in part:
        assert item.labels == whole[whole.ids.index(item.id)].labels
    assert any("2 of 128 rows left out" in note for note in part.notes)


def test_photos_and_lists_may_lie_apart(tmp_path: Path) -> None:
    root = releases.darn(tmp_path / "DARN")
    (tmp_path / "elsewhere").mkdir()
    (root / "pic").rename(tmp_path / "elsewhere" / "pic")
    with pytest.raises(TableError, match="144 of 144 images do not exist"):
        read(root)
    assert all(path.is_file() for path in read(root, images=tmp_path / "elsewhere").paths)


@pytest.mark.parametrize("photos", ["images", "kfashion_images/{split}/images", "{split}/images", ""])
def test_kfashion_photos_where_people_have_them(photos: str, tmp_path: Path) -> None:
    table = read(releases.kfashion(tmp_path / "k", photos=photos))
    assert table.table["role"].to_pylist().count("query") == 9 and table.table["role"].to_pylist().count("gallery") == 3
    assert table[1].labels["style"] == {"semi-formal"}


@pytest.mark.parametrize("spelling", ["macos", "cp949"])
def test_hangul_folders_in_another_spelling(spelling: str, tmp_path: Path) -> None:
    root = releases.kfashion(tmp_path / "k")
    for folder in [*(root / "train" / "images").iterdir(), *(root / "valid" / "images").iterdir()]:
        name = folder.name
        changed = unicodedata.normalize("NFD", name) if spelling == "macos" else name.encode("cp949").decode("cp437")
        folder.rename(folder.with_name(changed))
    assert all(path.is_file() for path in read(root).paths)


def test_raw_kfashion_labels_become_attributes(tmp_path: Path) -> None:
    table = read(releases.kfashion_raw(tmp_path / "raw"))
    by_id = {item.id: item for item in table}
    assert by_id["train/스트리트/0"].labels["style"] == {"스트리트", "모던"}  # a sub-style is a second value
    assert by_id["valid/모던/1"].labels["bottom_color"] == {"화이트", "실버"}
    assert "top_category" not in table.vocabulary.names and len(table.vocabulary["style"].values) == 23


def test_the_original_labels_put_a_letter_for_each_value(tmp_path: Path) -> None:
    table = read(releases.fashionai_original(tmp_path / "o"))
    rows = table.table.to_pylist()
    assert rows[0]["skirt_length"] == "Short" and rows[1]["skirt_length"] == "Knee"
    assert rows[3]["maybe"] == "Invisible" and rows[-1]["split"] == "test" and rows[-1]["collar_design"] is None
    alone = read(tmp_path / "o" / "base" / "Annotations" / "label.csv")
    assert len(alone) == 32 and alone.paths[0].is_file()


@pytest.mark.parametrize("header", [False, True])
def test_fine_lists_with_and_without_a_header(header: bool, tmp_path: Path) -> None:
    table = read(releases.deepfashion_fine(tmp_path / "fine", header=header))
    assert [len(table.split(s)) for s in ("train", "valid", "test")] == [8, 4, 4]
    assert table[1].labels["neckline"] == {"v_neckline"} and table.split("test")[0].labels == {}
    assert table[1].image == tmp_path / "fine" / "img" / "00001.jpg"


def test_triplets_of_zappos_are_turned_to_anchor_close_far(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    table = read(root)
    assert table.triplets is not None
    lines = np.loadtxt(root / "tripletlists" / "heel_tripletlist_val.txt", dtype=int)
    rows, left_out = table.triplets.rows(table.ids, "valid")
    assert left_out == 0 and np.array_equal(rows["heel"], lines[:, [0, 2, 1]])
    assert table.split("valid").ids == tuple(str(n) for n in range(24) if table.triplets.used("valid")[n])
    names = json.dumps((root / "filenames.json").read_text().split("\n"))
    (root / "filenames.json").write_text(names)
    assert read(root).ids == table.ids


def test_triplets_survive_photos_that_are_left_out_and_a_conversion(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    read(root).paths[5].unlink()
    part = read(root, missing="skip")
    assert part.triplets is not None and len(part) == 23
    rows, left_out = part.triplets.rows(part.ids, "test")
    listed = [np.loadtxt(root / "tripletlists" / f"{c}_tripletlist_test.txt", dtype=int) for c in releases.CONDITIONS]
    assert left_out == sum((lines == 5).any(axis=1).sum() for lines in listed)
    first = next(line for line in listed[0] if 5 not in line)
    assert [part.ids[row] for row in rows["class"][0]] == [str(n) for n in first[[0, 2, 1]]]
    again = read(write(part, tmp_path / "table.parquet"))
    assert again.triplets is not None
    stored, _ = again.triplets.rows(again.ids, "test")
    assert stored.keys() == rows.keys() and all(np.array_equal(stored[name], rows[name]) for name in rows)


def test_counts_are_compared_with_the_published_ones(tmp_path: Path) -> None:
    table = read(releases.fashionai(tmp_path / "FashionAI"))
    counts = {count.what: count for count in compare(table, RELEASES["fashionai"].published)}
    assert (counts["photos listed, test"].expected, counts["photos listed, test"].found) == (18_000, 48)
    assert counts["values of neckline_design"].agrees
    assert (counts["queries, test, neck_design"].expected, counts["queries, test, neck_design"].found) == (265, 2)
    assert str(counts["gallery items, test, skirt_length"]) == "gallery items, test, skirt_length: 4 of 1,703"
    triplets = compare(read(releases.zappos50k(tmp_path / "z")), RELEASES["zappos50k"].published)
    assert next(c for c in triplets if c.what == "triplets, test, heel").found == 30


def test_attributes_can_be_chosen_and_an_unknown_release_is_named(tmp_path: Path) -> None:
    root = releases.darn(tmp_path / "DARN")
    assert read(root, attributes=["sleeve length", "clothes color"]).vocabulary.names == (
        "sleeve length",
        "clothes color",
    )
    assert "collar shape" not in read(root, metadata=["collar shape"]).vocabulary.names
    with pytest.raises(UnknownName, match="Unknown release 'darnn'. Did you mean 'darn'"):
        read(root, release="darnn")
    with pytest.raises(TableError, match="several releases lie here: FashionAI, DARN"):
        releases.fashionai(tmp_path / "FashionAI")
        read(tmp_path)
