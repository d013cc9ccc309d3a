"""What a person reads after the mistakes that are easiest to make: one exact line, exit status 1."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from colour_onnx import export_colours
from lapel.interfaces.cli.main import main
from training_data import TINY, tiny_set

pytest.importorskip("torch", reason="training and importing need the train extra")

Says = Callable[..., str]
NOT_A_PICTURE = (
    "images/004.png: not a picture; known formats are JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, JPEG2000, PPM, ICO. "
    "Replace or remove the file."
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tiny_set(tmp_path / "photos")


def changed(photos: Path, old: str, new: str) -> Path:
    """The same photos with a table in which `old` reads `new`."""
    folder = photos.with_name("changed")
    shutil.copytree(photos, folder)
    table = folder / "labels.csv"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    return folder


def training(data: Path, *overrides: str) -> list[str | Path]:
    """The words of a tiny `lapel train`."""
    settings = [word for override in (*TINY, f"data={data}", *overrides) for word in ("--set", override)]
    return ["train", "table/asen_v2", *settings, "--out", data.with_name("run")]


def test_missing_column(says: Says, photos: Path) -> None:
    assert says("data", "check", changed(photos, "image,", "picture,")) == (
        "changed/labels.csv: there is no image column. Found: picture, split, color, pattern. "
        "Call it one of image, path, file, filename, image_path."
    )


def test_label_for_a_missing_file(says: Says, photos: Path, tmp_path: Path) -> None:
    assert says("data", "convert", changed(photos, "000.png", "zzz.png"), tmp_path / "out.csv") == (
        "changed: 1 of 36 images do not exist: images/zzz.png. Image paths are relative to changed. "
        "Correct them, or leave these rows out with missing='skip' (--skip)."
    )
    assert not (tmp_path / "out.csv").exists()


def test_unknown_attribute(says: Says, photos: Path) -> None:
    assert says(*training(photos, "data.attributes=[colr]")) == (
        "Unknown column 'colr'. Did you mean 'color'? labels.csv knows: color, pattern."
    )


def test_empty_split(says: Says, photos: Path) -> None:
    assert says(*training(changed(photos, "valid", "test"))) == "changed: split 'valid' is empty; it has: test, train."


def test_an_attribute_with_one_value(says: Says, photos: Path) -> None:
    assert says(*training(changed(photos, "stripe", "plain"))) == (
        "changed: attribute 'pattern' has 1 value in the training split (plain); two are needed to tell apart. "
        "Leave it out: --set data.attributes=[color]"
    )


def test_a_corrupt_image_in_training(says: Says, photos: Path) -> None:
    (photos / "images" / "004.png").write_bytes(b"not a picture")
    assert says(*training(photos)) == f"photos/{NOT_A_PICTURE}"


def test_a_corrupt_image_in_indexing(says: Says, photos: Path, tmp_path: Path) -> None:
    (photos / "images" / "004.png").write_bytes(b"not a picture")
    model = export_colours(tmp_path / "model")
    answer = says("index", tmp_path / "shop.lapel", photos, "--model", model, "--strict")
    assert answer == f"photos/{NOT_A_PICTURE}"


def test_a_catalogue_of_another_model(
    says: Says, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = export_colours(tmp_path / "first"), export_colours(tmp_path / "second", weights="others")
    monkeypatch.setattr("sys.argv", ["lapel", "index", *map(str, (tmp_path / "shop.lapel", photos, "--model", first))])
    main_without_exit()
    answer = says("index", tmp_path / "shop.lapel", photos, "--model", second)
    prints = [json.loads((folder / "card.json").read_text())["fingerprint"] for folder in (first, second)]
    assert answer == (
        f"shop.lapel was filled by model 'colours' ({prints[0]}); the model offered is 'colours' ({prints[1]}), whose "
        "embeddings cannot be compared with it. Use the model that filled it, or index the photos into a new catalogue."
    )


def test_a_checkpoint_of_another_version(says: Says, photos: Path, tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"lapel_format": "9", "card": "{}"}}).encode()
    stored = tmp_path / "old.safetensors"
    stored.write_bytes(struct.pack("<Q", len(header)) + header)
    assert says("evaluate", stored, photos) == (
        "'old.safetensors' has checkpoint format 9; this version of Lapel reads format 1. "
        "Use the version that wrote it, or train again."
    )


class Hostile:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.target,)


def test_a_hostile_pickle(says: Says, tmp_path: Path) -> None:
    target = tmp_path / "written-by-the-pickle"
    (tmp_path / "model_best.pth.tar").write_bytes(pickle.dumps({"state_dict": Hostile(target)}))
    answer = says("import", tmp_path / "model_best.pth.tar", "--system", "asen", "--attributes", "neckline,sleeve")
    assert answer == (
        "'model_best.pth.tar' was refused: it holds something other than tensors, numbers and names (or is damaged), "
        "and loading it could run code. Get the released file again."
    )
    assert not target.exists()


def main_without_exit() -> None:
    """Run `lapel`, whether it ends by returning or by exit status 0."""
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
