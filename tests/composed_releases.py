"""Miniatures of the four composed releases, and of a labelled table, in their exact layouts; all drawn here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from releases import draw
from training_data import tiny_set

WORDS = ("is red", "has longer sleeves.", "is more formal", "has a v-neck", "is plain, and shorter")


def dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def fashioniq(root: Path, count: int = 8) -> Path:
    """Each split and category: `count` pictures, each the reference of one query and the target of another."""
    for split in ("train", "val"):
        for category in ("dress", "shirt", "toptee"):
            names = [f"{category}{split}{n}" for n in range(count)]
            dump(root / f"image_splits/split.{category}.{split}.json", names)
            rows = [
                {"candidate": name, "target": names[n - 1], "captions": [WORDS[n % 5], WORDS[(n + 1) % 5]]}
                for n, name in enumerate(names)
            ]
            dump(root / f"captions/cap.{category}.{split}.json", rows)
            for n, name in enumerate(names):
                draw(root / f"images/{name}.png", n)
    return root


def shoes(root: Path, count: int = 12) -> Path:
    rows = []
    for split, file in (("train", "train_im_names.txt"), ("val", "eval_im_names.txt")):
        names = [f"img_{split}_clogs_{n}.jpg" for n in range(count)]
        (root / "dataset").mkdir(parents=True, exist_ok=True)
        (root / "dataset" / file).write_text("\n".join(names))
        for n, name in enumerate(names):
            rows.append({"ImageName": name, "ReferenceImageName": names[n - 1], "RelativeCaption": WORDS[n % 5]})
            draw(root / "attributedata/womens_clogs/0" / name, n)
    dump(root / "dataset/relative_captions_shoes.json", rows)
    return root


def fashion200k(root: Path) -> Path:
    (root / "labels").mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        captions = [f"{color} {kind} dress" for color in ("black", "red", "blue") for kind in ("lace", "knit")]
        paths = [f"women/dresses/{split}/{n}/{n}_0.jpeg" for n in range(len(captions))]
        lines = [f"{path}\t0.5\t{caption}\n" for path, caption in zip(paths, captions, strict=True)]
        (root / f"labels/dress_{split}_detect_all.txt").write_text("".join(lines))
        for n, path in enumerate(paths):
            draw(root / path, n)
    at = "women/dresses/test"
    (root / "test_queries.txt").write_text(f"{at}/0/0_0.jpeg {at}/2/2_0.jpeg\n{at}/1/1_0.jpeg {at}/0/0_0.jpeg\n")
    return root


def cirr(root: Path, count: int = 55) -> Path:
    """test1 hides its targets and has pictures enough for a submission."""
    for split in ("train", "val", "test1"):
        size = count if split == "test1" else 12
        names = [f"{split}-{n}-img0" for n in range(size)]
        dump(root / f"cirr/image_splits/split.rc2.{split}.json", {name: f"./{split}/{name}.png" for name in names})
        rows = []
        for n in range(8):
            members = names[n % 6 : n % 6 + 6]
            row = {"pairid": n, "reference": members[0], "caption": WORDS[n % 5], "img_set": {"members": members}}
            rows.append(row if split == "test1" else row | {"target_hard": members[1 + n % 5]})
        dump(root / f"cirr/captions/cap.rc2.{split}.json", rows)
        for n, name in enumerate(names):
            draw(root / f"cirr/img_raw/{split}/{name}.png", n)
    return root


def table(root: Path) -> Path:
    """Colour and pattern, which photos show; the other attributes of fashion-products, one value each; and a split."""
    others = {"gender": ["women"], "article_type": ["dress"], "season": ["summer"], "usage": ["casual"]}
    return tiny_set(root, count=48, extra=others)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "fashioniq": fashioniq, "shoes": shoes, "fashion200k": fashion200k, "cirr": cirr, "table": table,
}  # fmt: skip
