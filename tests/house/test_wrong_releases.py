"""Published releases and their two-stage runs put together wrongly: one exact line each, exit status 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import releases
from training_data import TINY, tiny_set

pytest.importorskip("torch", reason="training needs the train extra")

Says = Callable[..., str]
MODEL = "model={{system: {}, backbone: test_resnet, weights: random, dim: 24, options: {{hidden: 16}}}}"
VIT = "{weights: random, height: 32, width: 32, options: {width: 12, layers: 2, heads: 3, mlp: 20, patch: 8}}"
RESNET = "{backbone: test_resnet, weights: random, height: 32, width: 32, options: {hidden: 8}}"


def change(file: Path, line: int, text: str) -> None:
    """Replace one line, from 1."""
    lines = file.read_text("utf-8").split("\n")
    lines[line - 1] = text
    file.write_text("\n".join(lines), "utf-8")


def quick(recipe: str, data: Path, *more: str) -> list[str | Path]:
    """`lapel train RECIPE --quick` on this data."""
    settings = [word for override in (f"data={data}", "model.weights=random", *more) for word in ("--set", override)]
    return ["train", recipe, *settings, "--quick", "--out", data.parent / "run"]


def second_stage(photos: Path, system: str, local: str, *more: str) -> list[str | Path]:
    """`lapel train` of a second stage alone, on tiny photos."""
    model = [MODEL.format(system), "model.height=32", "model.width=32", "model.look_dim=8", f"model.local={local}"]
    settings = [word for override in (f"data={photos}", *TINY, *model, *more) for word in ("--set", override)]
    return ["train", "table/asen_v2", *settings, "--out", photos.parent / "run"]


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_split_file_with_ids_out_of_range(says: Says, tmp_path: Path, command: str) -> None:
    root = releases.fashionai(tmp_path / "FashionAI")
    change(root / "query_test.txt", 2, "48 0 0")
    words = quick("fashionai/asen_v2", root) if command == "train" else ["data", "check", root]
    assert says(*words) == (
        "FashionAI/query_test.txt, line 2: image id 48 is out of range: filenames_test.txt names 48 images, ids 0 to 47 "
        "(1 such lines in all). Take both files from the same split, whole."
    )


def test_an_image_list_of_another_split(says: Says, tmp_path: Path) -> None:
    root = releases.fashionai(tmp_path / "FashionAI")
    (root / "filenames_test.txt").write_text((root / "filenames_valid.txt").read_text())
    assert says(*quick("fashionai/asen_v2", root)) == (
        "FashionAI/filenames_valid.txt and filenames_test.txt name the same 48 images, so one of them is the image list "
        "of another split. Get both files again: ids are line numbers of the split's own list."
    )


def test_a_triplet_list_that_names_unknown_images(says: Says, tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "zappos")
    change(root / "tripletlists" / "gender_tripletlist_val.txt", 4, "0 24 3")
    assert says(*quick("zappos50k/csn", root)) == (
        "zappos/tripletlists/gender_tripletlist_val.txt, triplet 4: image 24 is unknown: filenames.json names 24 images, "
        "ids 0 to 23 (1 such triplets). The lists and filenames.json must come from the same download."
    )


@pytest.mark.parametrize(("system", "local"), [("asenpp", RESNET), ("rpf", VIT)])
def test_a_second_stage_without_its_first(says: Says, tmp_path: Path, system: str, local: str) -> None:
    photos = tiny_set(tmp_path / "photos")
    assert says(*second_stage(photos, system, local)) == (
        "model.local makes this a second stage, which continues the first one's run. Name that run or its checkpoint: "
        "--set model.start=PATH. A recipe with `stages` trains both by one command."
    )
    assert says(*second_stage(photos, system, local, f"model.start={tmp_path}/gone")) == (
        "This run continues an earlier stage from model.start='gone', which cannot be read: No checkpoint at 'gone'. "
        "Train the earlier stage first, or name its checkpoint: --set model.start=PATH."
    )


def test_a_checkpoint_of_another_attribute_set(says: Says, tmp_path: Path) -> None:
    from lapel.models import checkpoint
    from lapel.models.cards import new_card
    from lapel.models.registry import build
    from lapel.schema import Preprocess, Vocabulary

    about = {"system": "rpf", "backbone": "test_resnet", "weights": "random", "dim": 24, "hidden": 16}
    vocabulary, size = Vocabulary.of({"heel": ["flat", "high"]}), Preprocess(32, 32, "stretch", 32)
    card = new_card(name="shoes", vocabulary=vocabulary, preprocess=size, **about)
    checkpoint.save(tmp_path / "shoes.safetensors", build(card), card)
    photos = tiny_set(tmp_path / "photos")
    assert says(*second_stage(photos, "rpf", VIT, f"model.start={tmp_path / 'shoes.safetensors'}")) == (
        "'shoes.safetensors' learnt heel; this run learns color, pattern, or other values of these. "
        "Both stages take the same attributes."
    )
    assert says("evaluate", tmp_path / "shoes.safetensors", photos) == (
        "No attribute in common: the model 'shoes' knows heel; the data 'photos' labels color, pattern. "
        "Use another model or data."
    )


def test_kfashion_labels_without_a_style(says: Says, tmp_path: Path) -> None:
    root = releases.kfashion_raw(tmp_path / "raw", styleless=1)
    raw = ["data.sets=[{path: raw, release: kfashion-raw}]", f"data.root={root}"]
    expected = (
        "1 of 9 K-Fashion label files name no style; the first is raw/Training/라벨링데이터/클래식/5.json, whose 라벨링 / "
        "스타일 is [{}]. Leave the style of these photos unknown with missing='skip' (--skip), or remove the files."
    )
    assert says(*quick("kfashion/style", root, *raw)) == expected
    assert says("data", "convert", root, tmp_path / "out.csv") == expected


def test_float16_on_the_cpu_is_refused_rather_than_replaced(says: Says, tmp_path: Path) -> None:
    photos = tiny_set(tmp_path / "photos")
    settings = [word for one in (f"data={photos}", *TINY, "running.precision=16-mixed") for word in ("--set", one)]
    assert says("train", "table/asen_v2", *settings, "--out", tmp_path / "run") == (
        "running.precision '16-mixed' needs a GPU, and this run is on the CPU. Take bfloat16 there: "
        "--set running.precision=bf16-mixed."
    )
