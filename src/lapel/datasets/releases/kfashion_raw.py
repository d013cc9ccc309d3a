"""K-Fashion (AI Hub, page 7988) as delivered: one label JSON a photo, in folders of 23 styles.

Korean residents only, no redistribution. `Training` and `Validation` (train and valid here) each hold the photos
(`원천데이터/<style>/<id>.jpg`) and the labels (`라벨링데이터/<style>/<id>.json`). Of 1,206,931 photos by the makers'
paper, 967,806 are the public training part (stated, not counted). Labels often outnumber photos in partial copies.

Attributes: `style` (with its sub-style, where there is one, as a second value) and, for each of the four parts outer,
top, bottom and dress: category, color, length, print, material, detail, fit, sleeve_length, neckline, collar, as far
as they occur. Values stay in Korean.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from lapel.datasets.files import Missing, check_images
from lapel.datasets.releases.kfashion import spell
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ItemTable, Release, Vocabulary

STYLES = (
    "스트리트", "모던", "클래식", "소피스트케이티드", "페미닌", "리조트", "로맨틱", "매니시", "컨트리", "히피",
    "레트로", "오리엔탈", "스포티", "젠더리스", "키치", "톰보이", "프레피", "웨스턴", "섹시", "아방가르드",
    "힙합", "밀리터리", "펑크",
)  # fmt: skip
PARTS = {"아우터": "outer", "상의": "top", "하의": "bottom", "원피스": "dress"}
FIELDS = {
    "카테고리": "category", "색상": "color", "서브색상": "color", "기장": "length", "프린트": "print",
    "소재": "material", "디테일": "detail", "핏": "fit", "소매기장": "sleeve_length", "넥라인": "neckline",
    "옷깃": "collar",
}  # fmt: skip
PUBLISHED = Published(photos={"train": 967_806}, unsure=("photos",))

LABELS, PHOTOS = "라벨링데이터", "원천데이터"
_SPLITS = {"train": "Training", "valid": "Validation"}


def found(root: Path) -> bool:
    """Whether label folders, or label files themselves, are here."""
    return bool(_places(root))


def read(root: str | Path, *, images: str | Path | None = None, missing: Missing = "strict") -> ItemTable:
    """Read every label file.

    Args:
        root: the folder of `Training` and `Validation`, one of these, or a folder of label JSONs.
        images: the folder of the style folders, or of the photos; default: beside the labels.
        missing: "strict" also refuses a label file without a style; "skip" and "ignore" keep its photo, unknown.

    Raises:
        TableError: a label file that is not one, without a style ("strict"), or photos are missing.
    """
    root = Path(root)
    places = _places(root)
    if not places:
        raise TableError(f"{root}: there are no label files here; expected Training/{LABELS}/<style>/<id>.json.")
    rows, without = [], []
    for split, labels in places:
        base = Path(images) if images else _beside(labels)
        files = sorted(labels.rglob("*.json"))
        names = [str(file.relative_to(labels).with_suffix(".jpg")) for file in files]
        spelt = spell(base, names) if files and "/" in names[0] else names
        for file, name, there in zip(files, names, spelt, strict=True):
            row = _read(file)
            if "style" not in row:
                without.append(file)
            where = base / there
            image = where.relative_to(root).as_posix() if where.is_relative_to(root) else str(where.resolve())
            ident = unicodedata.normalize("NFC", f"{split}/{Path(name).with_suffix('').as_posix()}")
            rows.append({"id": ident, "image": image, "split": split, **row})
    _refuse_without_style(without, len(rows), missing)
    names = ["style", *(f"{part}_{field}" for part in PARTS.values() for field in dict.fromkeys(FIELDS.values()))]
    names = [name for name in names if name == "style" or any(name in row for row in rows)]
    columns = {name: [row.get(name) for row in rows] for name in ("id", "image", "split", *names)}
    values = {name: sorted({v for cell in columns[name] if cell for v in cell.split("|")}) for name in names}
    values["style"] = [*STYLES, *(value for value in values["style"] if value not in STYLES)]
    note = [f"{len(without):,} of {len(rows):,} label files name no style: {without[0].name} ..."] if without else []
    items = ItemTable(
        pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()}),
        Vocabulary.of(values),
        root,
        "kfashion-raw",
        notes=tuple(note),
        release=Release("kfashion-raw"),
    )
    return check_images(items, missing)


def _places(root: Path) -> list[tuple[str, Path]]:
    """(split, folder of labels): of the whole delivery, of one part, or this folder itself, taken as train."""
    if not root.is_dir():
        return []
    for split, word in _SPLITS.items():
        if root.name == word and (label := _folder(root, LABELS)):
            return [(split, label)]
    parts = [(split, root / word) for split, word in _SPLITS.items() if (root / word).is_dir()]
    places = [(split, label) for split, part in parts if (label := _folder(part, LABELS))]
    if places:
        return places
    if label := _folder(root, LABELS):
        return [("train", label)]
    first = next(iter(sorted(root.glob("*.json"))), None)
    return [("train", root)] if first is not None and "데이터셋 정보" in _text(first) else []


def _folder(root: Path, name: str) -> Path | None:
    return next((p for p in root.iterdir() if unicodedata.normalize("NFC", p.name) == name and p.is_dir()), None)


def _beside(labels: Path) -> Path:
    return _folder(labels.parent, PHOTOS) or labels


def _text(file: Path) -> str:
    return unicodedata.normalize("NFC", file.read_text("utf-8-sig", errors="replace")[:2_000])


def _read(file: Path) -> dict[str, str]:
    """Attribute -> cell. An absent part is `[{}]`, an absent style too; any field may be missing."""
    try:
        content = json.loads(file.read_text("utf-8-sig"))
        labels = content["데이터셋 정보"]["데이터셋 상세설명"]["라벨링"]
        style = _first(labels, "스타일")
        cells = {"style": _join(style, ("스타일", "서브스타일"))}
        for part, ours in PARTS.items():
            described = _first(labels, part)
            for field in dict.fromkeys(FIELDS.values()):
                keys = tuple(key for key, name in FIELDS.items() if name == field)
                cells[f"{ours}_{field}"] = _join(described, keys)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{file}: this is not a K-Fashion label file ({type(error).__name__}: {error}); expected the key "
            "데이터셋 정보 / 데이터셋 상세설명 / 라벨링."
        ) from error
    return {name: cell for name, cell in cells.items() if cell}


def _first(labels: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    listed = labels.get(key) or [{}]
    first: Mapping[str, Any] = listed[0]
    return first


def _join(described: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    values: list[str] = []
    for key in keys:
        held = described.get(key) or []
        values += [held] if isinstance(held, str) else list(held)
    return "|".join(dict.fromkeys(unicodedata.normalize("NFC", value.strip()) for value in values if value.strip()))


def _refuse_without_style(without: list[Path], count: int, missing: Missing) -> None:
    if without and (missing == "strict" or len(without) == count):
        raise TableError(
            f"{len(without):,} of {count:,} K-Fashion label files name no style; the first is {without[0]}, whose "
            "라벨링 / 스타일 is [{}]. Leave the style of these photos unknown with missing='skip' (--skip), or remove "
            "the files."
        )
