"""A folder of drawn items: labels.csv, images/, masks/; the same bytes for the same seed, safe to stop and go on."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lapel.errors import ImageMissing, ImageNotAnImage, InputError
from lapel.progress import Progress, Quiet
from lapel.synth.item import MAX_SIZE, MIN_SIZE, draw_item
from lapel.synth.labels import ATTRIBUTES, labels_of, split_of

MARKER = "synth.json"
DRAWING = "1"
"""Raised whenever the same seed draws other pixels, so that an older folder is drawn anew."""

QUALITY = 90
_KEY = "lapel-attributes"


def draw_catalogue(
    folder: str | Path, n: int = 2000, seed: int = 0, size: int = 256, progress: Progress | None = None
) -> Path:
    """Draw `n` labelled garments into `folder`.

    labels.csv (columns id, image, split, mask, then the attributes; empty where a garment lacks one) is written last:
    a folder without it is unfinished, and the same call goes on where it stopped. Item i depends on (seed, i, size)
    alone, so a smaller catalogue is a prefix of a greater one.

    Args:
        folder: made when missing; otherwise empty or drawn by an earlier call.
        n: how many items, at least 1.
        seed: any integer.
        size: side of the pictures in pixels, 64 to 2048.
        progress: told about every item.

    Returns:
        The path of labels.csv.

    Raises:
        InputError: n or size is out of range; the folder holds something else or cannot be written.
    """
    folder = Path(folder)
    if n < 1:
        raise InputError(f"The number of garments is {n}; draw at least 1 (--n 2000).")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"The size is {size} pixels; it may be {MIN_SIZE} to {MAX_SIZE} (--size 256).")
    _prepare(folder, n, seed, size)
    progress = progress or Quiet()
    rows = []
    for index in range(n):
        rows.append(_draw_one(folder, seed, index, size))
        progress.advance()
    target = folder / "labels.csv"
    _write(target, _as_csv(rows))
    return target


def write_masks(masks: Mapping[str, NDArray[np.bool_]]) -> bytes:
    """All masks of one picture as one 16-bit grey PNG: bit k of a pixel belongs to attribute k of ATTRIBUTES.

    The text field `lapel-attributes` names the attributes that the picture has, so that an empty mask differs from
    an attribute that does not apply.
    """
    order = list(ATTRIBUTES)
    planes = np.zeros(next(iter(masks.values())).shape, dtype=np.uint16)
    for attribute, mask in masks.items():
        planes |= mask.astype(np.uint16) << np.uint16(order.index(attribute))
    info = PngInfo()
    info.add_text(_KEY, ",".join(a for a in order if a in masks))
    out = io.BytesIO()
    Image.fromarray(planes).save(out, "PNG", pnginfo=info, compress_level=3)
    return out.getvalue()


def read_masks(path: str | Path) -> dict[str, NDArray[np.bool_]]:
    """Attribute -> (H, W) bool: which pixels decide it. Only attributes that the picture has.

    Raises:
        ImageMissing: no such file.
        ImageNotAnImage: not a mask file written by `draw_catalogue`.
    """
    if not Path(path).is_file():
        raise ImageMissing(path, "there is no such mask file; draw it with `lapel data synth`.")
    try:
        with Image.open(path) as image:
            named = image.info.get(_KEY)
            planes = np.asarray(image).astype(np.uint16)
    except (OSError, SyntaxError) as error:
        raise ImageNotAnImage(path, "is not a PNG; expected a mask file drawn by `lapel data synth`.") from error
    if not named:
        raise ImageNotAnImage(path, f"has no text field '{_KEY}'; expected a mask file drawn by `lapel data synth`.")
    order = list(ATTRIBUTES)
    return {a: (planes >> np.uint16(order.index(a)) & np.uint16(1)).astype(bool) for a in named.split(",")}


def _draw_one(folder: Path, seed: int, index: int, size: int) -> dict[str, str]:
    """Draw item `index` unless its files are there; its row of the table."""
    name = f"{index:06d}"
    image_path, mask_path = folder / "images" / f"{name}.jpg", folder / "masks" / f"{name}.png"
    labels = labels_of(seed, index)
    if not (_whole(image_path) and _whole(mask_path)):
        image, labels, masks = draw_item(seed, index, size)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=QUALITY)
        _write(image_path, out.getvalue())
        _write(mask_path, write_masks(masks))
    row = {"id": name, "image": f"images/{name}.jpg", "split": split_of(seed, index), "mask": f"masks/{name}.png"}
    return row | labels


def _prepare(folder: Path, n: int, seed: int, size: int) -> None:
    """Make the folder ready: refuse foreign ones, keep what the same drawing left, drop what another left."""
    ours = json.dumps({"made-by": "lapel data synth", "drawing": DRAWING, "seed": seed, "size": size}) + "\n"
    marker = folder / MARKER
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; give a folder to draw into.")
        folder.mkdir(parents=True, exist_ok=True)
        if not marker.exists() and any(folder.iterdir()):
            raise InputError(
                f"{folder} is not empty and was not drawn by `lapel data synth`; give a new or an empty folder."
            )
        (folder / "labels.csv").unlink(missing_ok=True)
        if marker.exists() and marker.read_text() != ours:
            for part in ("images", "masks"):
                shutil.rmtree(folder / part, ignore_errors=True)
        _write(marker, ours.encode())
        for part in ("images", "masks"):
            (folder / part).mkdir(exist_ok=True)
            for left in (folder / part).iterdir():
                # Half-written files of a killed run, and items beyond the asked number.
                if not left.stem.isdigit() or int(left.stem) >= n or left.suffix == ".tmp":
                    left.unlink()
    except OSError as error:
        raise InputError(f"Cannot write to {folder}: {error.strerror}. Give a folder that you may write to.") from error


def _as_csv(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "image", "split", "mask", *ATTRIBUTES], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _whole(path: Path) -> bool:
    # `_write` never leaves half a file; a machine that lost power may leave an empty one.
    return path.exists() and path.stat().st_size > 0


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or absent."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_bytes(data)
    os.replace(draft, path)
