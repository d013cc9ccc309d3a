"""Miniature releases in the exact format, and the real lines beside the project."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lapel.datasets.composed import cirr, fashion200k, fashioniq, shoes
from lapel.errors import TableError, UnknownName


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def fashion_iq(root: Path) -> Path:
    for category in fashioniq.CATEGORIES:
        names = [f"{category}{n}" for n in range(4)]
        dump(root / f"image_splits/split.{category}.val.json", names)
        rows = [
            {"target": names[0], "candidate": names[1], "captions": ["is red", "has sleeves"]},
            {"target": names[2], "candidate": names[1], "captions": ["", " is longer"]},
        ]
        if category == "shirt":
            rows.append({"target": names[2], "candidate": names[3], "captions": ["", " "]})
        dump(root / f"captions/cap.{category}.val.json", rows)
        dump(root / f"captions/cap.{category}.test.json", [{"candidate": names[0], "captions": ["a", "b"]}])
        dump(root / f"image_splits/split.{category}.test.json", names)
        for name in names:
            picture(root / f"images/{name}.png")
    return root


def test_fashioniq(tmp_path: Path) -> None:
    root = fashion_iq(tmp_path)
    assert fashioniq.found(root)
    read = fashioniq.read(root)
    assert len(read.queries) == 6 and read.complete and "1 records have no words" in read.notes[0]
    assert read.galleries["dress"] == ("dress0", "dress1", "dress2", "dress3")
    assert read.queries[1].captions == (" is longer",) and read.queries[1].targets == ("dress2",)
    assert fashioniq.read(root, gallery="named").galleries["dress"] == ("dress0", "dress1", "dress2")
    hidden = fashioniq.read(root, "test", categories=["dress"])
    assert hidden.queries[0].targets == () and list(hidden.galleries) == ["dress"]
    with pytest.raises(UnknownName, match="shirts.*shirt"):
        fashioniq.read(root, categories=["shirts"])
    (root / "images/dress0.png").unlink()
    with pytest.raises(TableError, match=r"1 of 12 pictures are not on disk: dress0\."):
        fashioniq.read(root)
    partial = fashioniq.read(root, missing="skip")
    assert len(partial.queries) == 5 and partial.missing == ("dress0",) and not partial.complete
    assert partial.galleries["dress"] == ("dress1", "dress2", "dress3")
    dump(root / "captions/cap.dress.val.json", [{"target": "a", "candidate": "b", "captions": ["one"]}])
    with pytest.raises(TableError, match="record 0: FashionIQ has two captions"):
        fashioniq.read(root)
    dump(root / "captions/cap.dress.val.json", [{"target": "a"}])
    with pytest.raises(TableError, match="record 0: it has no 'candidate'"):
        fashioniq.read(root)


def cirr_release(root: Path, inside: str = "cirr") -> Path:
    names = [f"dev-{n}-0-img0" for n in range(7)]
    at = root / inside
    dump(at / "image_splits/split.rc2.val.json", {name: f"./dev/{name}.png" for name in names})
    record = {"pairid": 7, "reference": names[0], "target_hard": names[1], "caption": "show three bottles"}
    record["img_set"] = {"id": 1, "members": names[:6]}
    dump(at / "captions/cap.rc2.val.json", [record])
    for name in names:
        picture(at / f"img_raw/dev/{name}.png")
    return root


def test_cirr(tmp_path: Path) -> None:
    root = cirr_release(tmp_path)
    assert cirr.found(root)
    read = cirr.read(root)
    assert len(read.galleries[""]) == 7 and read.queries[0].id == "7" and len(read.queries[0].members) == 6
    (tmp_path / "cirr/img_raw/dev").rename(tmp_path / "dev")  # pictures beside the annotations
    assert cirr.read(root).complete
    path = tmp_path / "cirr/captions/cap.rc2.val.json"
    record = json.loads(path.read_text())[0]
    dump(path, [record | {"img_set": {"members": ["dev-0-0-img0"]}}])
    with pytest.raises(TableError, match="pair 7: its set of 1 must hold 6"):
        cirr.read(root)
    dump(path, [record | {"reference": "dev-9-0-img0"}])
    with pytest.raises(TableError, match="set of 6 must hold 6, reference and target"):
        cirr.read(root)
    dump(tmp_path / "cirr/image_splits/split.rc2.val.json", {"dev-0-0-img0": "./dev/dev-0-0-img0.png"})
    dump(path, [record])
    with pytest.raises(TableError, match="its split file lacks"):
        cirr.read(root)


def shoes_release(root: Path) -> Path:
    names = [f"img_womens_clogs_{n}" for n in range(5)]
    rows = [
        {"ImageName": f"{names[0]}.jpg", "ReferenceImageName": f"{names[1]}.jpg", "RelativeCaption": "is darker"},
        {"ImageName": f"{names[2]}.jpg", "ReferenceImageName": f"{names[2]}.jpg", "RelativeCaption": "the same"},
        {"ImageName": f"{names[3]}.jpg", "ReferenceImageName": f"{names[4]}.jpg", "RelativeCaption": "is open"},
    ]
    dump(root / "dataset/relative_captions_shoes.json", rows)
    (root / "dataset/eval_im_names.txt").write_text("".join(f"{name}.jpg\n" for name in names[:3]))
    (root / "dataset/train_im_names.txt").write_text("".join(f"{name}.jpg\n" for name in names[3:]))
    for name in names:
        picture(root / f"attributedata/womens_clogs/0/{name}.jpg")
    return root


def test_shoes(tmp_path: Path) -> None:
    root = shoes_release(tmp_path)
    assert shoes.found(root)
    read = shoes.read(root)
    assert [q.captions[0] for q in read.queries] == ["is darker", "the same"] and len(read.galleries[""]) == 3
    assert "kept" in read.notes[0] and len(shoes.read(root, keep_same=False).queries) == 1
    assert len(shoes.read(root, "train").queries) == 1
    artemis = tmp_path / "artemis"
    for name in ("img_womens_clogs_0", "img_womens_clogs_1"):
        picture(artemis / f"womens/womens_clogs/1/{name}.jpg")
    dump(artemis / "split.val.json", ["womens_clogs/1/img_womens_clogs_0.jpg", "womens_clogs/1/img_womens_clogs_1.jpg"])
    row = {"ImageName": "a/img_womens_clogs_0.jpg", "ReferenceImageName": "img_womens_clogs_1.jpg"}
    dump(artemis / "triplet.val.json", [row | {"RelativeCaption": "is open"}])
    assert shoes.read(artemis).queries[0].targets == ("img_womens_clogs_0",)
    (root / "dataset/eval_im_names.txt").write_text("img_womens_clogs_0.jpg\n")
    with pytest.raises(TableError, match="not in one split"):
        shoes.read(root)


def fashion_200k(root: Path) -> Path:
    (root / "labels").mkdir(parents=True)
    rows = {"train": ["black lace dress", "red lace dress"], "test": ["black dress", "red dress", "red dress"]}
    for split, captions in rows.items():
        paths = [f"women/dresses/{split}/{n}/{n}_0.jpeg" for n in range(len(captions))]
        lines = [f"{path}\t0.5\t{caption} \n" for path, caption in zip(paths, captions, strict=True)]
        (root / f"labels/dress_{split}_detect_all.txt").write_text("".join(lines))
        for path in paths:
            picture(root / path)
    (root / "test_queries.txt").write_text("women/dresses/test/0/0_0.jpeg women/dresses/test/1/1_0.jpeg\n")
    return root


def test_fashion200k(tmp_path: Path) -> None:
    root = fashion_200k(tmp_path)
    assert fashion200k.found(root)
    read = fashion200k.read(root)
    (query,) = read.queries
    assert query.captions == ("replace black with red",)
    assert query.targets == ("women/dresses/test/1/1_0.jpeg", "women/dresses/test/2/2_0.jpeg")
    train = fashion200k.read(root, "train")
    assert len(train.queries) == 1 and train.texts[train.queries[0].reference].endswith("lace dress")
    (root / "test_queries.txt").unlink()
    with pytest.raises(TableError, match=r"test_queries.txt' is missing"):
        fashion200k.read(root)


@pytest.mark.shared
def test_real_lines(shared: Path) -> None:
    samples = shared / "datasets" / "samples"
    for split in fashioniq.SPLITS:
        read = fashioniq.read(samples / "fashioniq", split, missing="ignore")
        assert {category: len(names) for category, names in read.galleries.items()} == dict.fromkeys(
            read.galleries, 300
        )
    for split in ("val", "test1"):
        assert len(cirr.read(samples / "cirr", split, missing="ignore").queries) == 200
    assert len(shoes.read(samples / "shoes" / "mini", missing="ignore").queries) == 80
