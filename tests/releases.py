"""Miniature releases in the exact layouts of the published ones, with tiny photos that this file draws itself.

Every function makes a folder, fills it and gives it back; none of them copies a line of a published file.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

FASHIONAI = {
    "skirt_length": 6, "sleeve_length": 9, "coat_length": 8, "pant_length": 6, "collar_design": 5, "lapel_design": 5,
    "neckline_design": 10, "neck_design": 5,
}  # fmt: skip
DARN = {
    "clothes category": 20, "clothes button": 13, "clothes color": 55, "clothes length": 7, "clothes pattern": 28,
    "clothes shape": 11, "collar shape": 26, "sleeve length": 8, "sleeve shape": 17,
}  # fmt: skip
DEEPFASHION = {
    "texture-related": 156, "fabric-related": 218, "shape-related": 180, "part-related": 216, "style-related": 230,
}  # fmt: skip
STYLES = ("스트리트", "모던", "클래식")
CONDITIONS = ("class", "closure", "gender", "heel")


def draw(file: Path, value: int = 0) -> None:
    """A photo of 48 x 56 whose colour goes by the value; every path another picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(zlib.crc32(str(file).encode())).integers(0, 60, (56, 48, 3))
    colour = np.random.default_rng(value).integers(0, 190, 3)
    Image.fromarray((noise + colour).astype(np.uint8)).save(file, quality=90)


def asen_lists(
    root: Path,
    path: Callable[[str, int, int, int], str],
    sizes: Mapping[str, int],
    train: int = 4,
    test: int = 6,
    several: bool = False,
) -> Path:
    """Image lists, labels, queries and candidates of all three splits, photos drawn, no final newline.

    path: (split, number, attribute, value) -> image path. train, test: photos per attribute. Values are 0, 1 in turn,
    in pairs, so that each has a partner. several: training photos carry a second attribute.
    """
    root.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("valid", test), ("test", test)):
        labels = [(k, at // 2 % 2) for at in range(count) for k in range(len(sizes))]
        if split != "train" and several:  # DARN and DeepFashion put candidates first, then queries
            labels = [*labels[len(sizes) * 2 :], *labels[: len(sizes) * 2]]
        names = [path(split, number, k, value) for number, (k, value) in enumerate(labels)]
        (root / f"filenames_{split}.txt").write_text("\n".join(names), "utf-8")
        for name, (k, value) in zip(names, labels, strict=True):
            draw(root / name, 10 * k + value)
        lines = [f"{number} {k} {value}" for number, (k, value) in enumerate(labels)]
        if split == "train":
            more = [f" {(k + 1) % len(sizes)} {value}" if several else "" for k, value in labels]
            (root / "label_train.txt").write_text("\n".join(a + b for a, b in zip(lines, more, strict=True)), "utf-8")
            continue
        asked = [n for n in range(len(lines)) if (n // len(sizes)) % 3 == (2 if several else 0)]
        (root / f"query_{split}.txt").write_text("\n".join(lines[n] for n in reversed(asked)), "utf-8")
        ranked = sorted(set(range(len(lines))) - set(asked))
        (root / f"candidate_{split}.txt").write_text("\n".join(lines[n] for n in ranked), "utf-8")
    return root


def fashionai(root: Path, **counts: int) -> Path:
    """The ASEN split of FashionAI, with meta.json of the first shape one folder above."""
    names = list(FASHIONAI)

    def path(split: str, number: int, k: int, value: int) -> str:
        return f"fashionAI_attributes_train{1 + number % 2}/Images/{names[k]}_labels/{split}{number:05}.jpg"

    asen_lists(root, path, FASHIONAI, **counts)
    meta = {"FashionAI": {"ATTRIBUTES": names, "ATTRIBUTES_NUM": FASHIONAI}}
    (root.parent / "meta.json").write_text(json.dumps(meta), "utf-8")
    return root


def darn(root: Path, **counts: int) -> Path:
    """The ASEN split of DARN: several attributes a training photo; folders go by the first attribute's value."""

    def path(split: str, number: int, k: int, value: int) -> str:
        return f"pic/{50025000 + value if k in (0, 8) else 50026000}/{split}_{number:04}_1.jpg"

    return asen_lists(root, path, DARN, several=True, **counts)


def deepfashion(root: Path, **counts: int) -> Path:
    """The ASEN split of DeepFashion, with the tab-separated labels of all attributes, and the YAML facts."""

    def path(split: str, number: int, k: int, value: int) -> str:
        return f"img/Striped_Dress_{split}/img_{number:08}.jpg"

    asen_lists(root, path, DEEPFASHION, several=True, **counts)
    starts = np.concatenate([[0], np.cumsum(list(DEEPFASHION.values()))])
    for split in ("valid", "test"):
        listed = [
            list(map(int, line.split()))
            for kind in ("query", "candidate")
            for line in (root / f"{kind}_{split}.txt").read_text().split("\n")
        ]
        lines = [f"{n}\t{k + 1}\t{starts[k] + v}\t1\t999" + "\t" * 12 for n, k, v in sorted(listed)]
        (root / f"label_{split}.txt").write_text("\n".join(lines), "utf-8")
    names = "\n".join(f"      - {name}" for name in DEEPFASHION)
    (root / "DeepFashion.yaml").write_text(
        f"DATA:\n  DATASET: DeepFashion\n  NUM_ATTRIBUTES: 5\n  ATTRIBUTES:\n    NAME:\n{names}\n"
        f"    NUM: {list(DEEPFASHION.values())}\n", "utf-8",
    )  # fmt: skip
    return root


def attribute_names(file: Path) -> Path:
    """`list_attr_cloth.txt`: two header lines, then names with blanks, padded, and their type."""
    rows = [(f"{name} look {n}", k + 1) for k, (name, size) in enumerate(DEEPFASHION.items()) for n in range(size)]
    rows.sort(key=lambda row: int(row[0].rsplit(" ", 1)[1]))  # types are mixed in the file
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{len(rows)}", "attribute_name  attribute_type", *(f"{name:<40} {kind}" for name, kind in rows)]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def kfashion(root: Path, train: int = 12, valid: int = 12, photos: str = "{split}/images") -> Path:
    """Three classes: `label_*.txt` of both splits, more queries than candidates, photos below `photos`."""
    root.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("valid", valid)):
        names = [f"{STYLES[n % 2]}/{(5000 if split == 'train' else 9000) + n}.jpg" for n in range(count)]
        labels = [f"{n} 0 {n % 3}" for n in range(count)]
        (root / f"filenames_{split}.txt").write_text("\n".join(names), "utf-8")
        (root / f"label_{split}.txt").write_text("\n".join(labels) + "\n", "utf-8")
        for n, name in enumerate(names):
            draw(root / photos.format(split=split) / name, n % 3)
    ranked = [line for n, line in enumerate(labels) if n < 3]
    (root / "candidate_valid.txt").write_text("\n".join(ranked), "utf-8")
    (root / "query_valid.txt").write_text("\n".join(line for line in labels if line not in ranked), "utf-8")
    return root


def fashion14k(root: Path, count: int = 12) -> Path:
    """Eleven classes by folder, class ids of a machine's own order in `classid.txt`."""
    kfashion(root, count, count)
    classes = ["mode", "rock", "natural"]
    for split in ("train", "valid"):
        names = [f"imgs/{classes[n % 3]}/{split}{n}.jpg" for n in range(count)]
        (root / f"filenames_{split}.txt").write_text("\n".join(names), "utf-8")
        for n, name in enumerate(names):
            draw(root / name, n % 3)
    (root / "classid.txt").write_text("\n".join(f"{n}:{name}" for n, name in enumerate(classes)), "utf-8")
    return root


def zappos50k(root: Path, count: int = 24, triplets: int = 30, described: bool = True) -> Path:
    """Photos in folders with blanks, `filenames.json` that is text, twelve lists of anchor, far, close."""
    folders = ["Shoes/Oxfords/Bostonian", "Boots/Mid-Calf/Pablosky Kids", "Sandals/Flat/Dr. Scholl's"]
    names = [f"{folders[n % 3]}/{100000 + n}.{n + 1}.jpg" for n in range(count)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "filenames.json").write_text("\n".join(names), "utf-8")
    for n, name in enumerate(names):
        draw(root / "ut-zap50k-images" / name, n % 3)
    (root / "tripletlists").mkdir(exist_ok=True)
    for c, condition in enumerate(CONDITIONS):
        for s, split in enumerate(("train", "val", "test")):
            rng = np.random.default_rng([c, s])
            anchors = rng.integers(0, count, triplets)
            close = (anchors + 3 * rng.integers(1, count // 3, triplets)) % count
            far = (anchors + 1 + 3 * rng.integers(0, count // 3, triplets)) % count
            lines = [f"{a} {f} {p}" for a, f, p in zip(anchors, far, close, strict=True)]
            (root / "tripletlists" / f"{condition}_tripletlist_{split}.txt").write_text("\n".join(lines) + "\n")
    if described:
        rows = ["CID,Category,SubCategory,HeelHeight,Insole,Closure,Gender,Material,ToeStyle"]
        heels, closures = ("Flat", "1in - 1 3/4in", ""), ("Lace up", "Slip-On;Zipper", "Buckle")
        for n in range(count):
            parts = folders[n % 3].split("/")
            rows.append(f"{100000 + n}-{n + 1},{parts[0]},{parts[1]},{heels[n % 3]},,{closures[n % 3]},Men,Leather,")
        (root / "meta-data.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return root


def fashionai_original(root: Path) -> Path:
    """`base` with label.csv, `rank` with question.csv; one line has a "maybe"."""
    lines = []
    for k, (name, size) in enumerate(FASHIONAI.items()):
        for n in range(4):
            letters = ["n"] * size
            letters[n % 2 + 1] = "y"
            if (k, n) == (0, 3):
                letters[0] = "m"
            lines.append(f"Images/{name}_labels/{k}{n:031}.jpg,{name}_labels,{''.join(letters)}")
            draw(root / "base" / lines[-1].split(",")[0], 10 * k + n % 2)
    (root / "base" / "Annotations").mkdir()
    (root / "base" / "Annotations" / "label.csv").write_text("\n".join(lines) + "\n")
    asked = "Images/collar_design_labels/0f.jpg,collar_design_labels,?"
    draw(root / "rank" / asked.split(",")[0])
    (root / "rank" / "Tests").mkdir()
    (root / "rank" / "Tests" / "question.csv").write_text(asked + "\n")
    return root


def deepfashion_fine(root: Path, train: int = 8, header: bool = False) -> Path:
    """26 attributes in six groups; the test list has no labels. header: two lines before each list, as officially."""
    sizes, at = (7, 3, 3, 4, 6, 3), 0
    (root / "split").mkdir(parents=True)
    for stem, count in (("train", train), ("val", 4), ("test", 4)):
        names = [f"img/{at + n:05}.jpg" for n in range(count)]
        at += count
        head = [f"{count}", "image_name"] if header else []
        (root / "split" / f"{stem}.txt").write_text("\n".join([*head, *names]) + "\n")
        for n, name in enumerate(names):
            draw(root / name, n % 2)
        if stem != "test":
            rows = [" ".join(str(n % min(2, size)) for size in sizes) for n in range(count)]
            (root / "split" / f"{stem}_attr.txt").write_text("\n".join(rows) + "\n")
    return root


def kfashion_json(style: str | None, sub: str | None = None) -> dict[str, object]:
    """A raw label: a bottom with everything, absent parts as `[{}]`, the style as well when it is None."""
    named = {"스타일": style} if style else {}
    named |= {"서브스타일": sub} if sub else {}
    bottom = {"카테고리": "스커트", "색상": "화이트", "서브색상": "실버", "소재": ["레이스", "우븐"], "핏": "노멀"}
    parts = {"아우터": [{}], "하의": [bottom], "원피스": [{}], "상의": [{}]}
    detail = {
        "렉트좌표": {"하의": [{"X좌표": 3.5, "Y좌표": 2, "가로": 18, "세로": 33}]},
        "라벨링": {"스타일": [named], **parts},
    }
    return {
        "이미지 정보": {"이미지 식별자": 1, "이미지 높이": 56, "이미지 파일명": "shop_1.jpg", "이미지 너비": 48},
        "데이터셋 정보": {"파일 번호": 1, "데이터셋 상세설명": detail},
    }


def kfashion_raw(root: Path, styleless: int = 0) -> Path:
    """`Training` and `Validation` as AI Hub delivers them; the last `styleless` training labels name no style."""
    for part, count in (("Training", 6), ("Validation", 3)):
        for n in range(count):
            bare = part == "Training" and n >= count - styleless
            label = kfashion_json(None if bare else STYLES[n % 3], "모던" if n == 0 else None)
            file = root / part / "라벨링데이터" / STYLES[n % 3] / f"{n}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(label, ensure_ascii=False), "utf-8")
            draw(root / part / "원천데이터" / STYLES[n % 3] / f"{n}.jpg", n % 3)
    return root


MAKERS = {
    "fashionai": fashionai,
    "fashionai-original": fashionai_original,
    "darn": darn,
    "deepfashion": deepfashion,
    "deepfashion-fine": deepfashion_fine,
    "zappos50k": zappos50k,
    "kfashion": kfashion,
    "kfashion-raw": kfashion_raw,
    "fashion14k": fashion14k,
}
"""Every release by its name."""
