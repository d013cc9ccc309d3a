"""The shipped model reads words: what it says it does, small enough, fast enough, and sensible on plain colours."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapel.errors import ModelError
from lapel.runtime import open_model, shipped
from lapel.runtime.onnx import file_sha256, read_certificate
from lapel.schema import TextModel

NAME = "lapel-lite"


@pytest.fixture(scope="module")
def model() -> TextModel:
    found = open_model(NAME, threads=1)
    assert isinstance(found, TextModel)
    return found


def test_the_folder_is_certified_whole_and_stays_small() -> None:
    folder = shipped()[NAME]
    certificate = read_certificate(folder)
    assert set(certificate["parts"]) == {"text.onnx", "compose.onnx", "vocab.txt"}
    assert all(file_sha256(folder / name) == stated for name, stated in certificate["parts"].items())
    assert {"composed", "text", "changed"} <= certificate["differences"].keys()
    assert sum(file.stat().st_size for each in shipped().values() for file in each.iterdir()) < 60_000_000


def test_in_8_bits_it_is_small_near_and_shares_the_words(model: TextModel) -> None:
    folder = shipped()[f"{NAME}-int8"]
    certificate = read_certificate(folder)
    assert (
        certificate["precision"] == "int8" and certificate["bytes"] < 0.4 * read_certificate(shipped()[NAME])["bytes"]
    )
    assert sum(certificate["rank_overlap"].values()) / len(certificate["rank_overlap"]) > 0.9
    small = open_model(f"{NAME}-int8", threads=1)
    assert small.card.name == f"{NAME}-int8" and small.card.fingerprint != model.card.fingerprint  # type: ignore[attr-defined]
    for name, found in model.card.scores["sets"].items():  # type: ignore[attr-defined]
        assert abs(found["mean_over_attributes"] - small.card.scores["sets"][name]["mean_over_attributes"]) < 0.5
    np.testing.assert_array_equal(small.encode_text(["red dress"]), model.encode_text(["red dress"]))
    photo = Image.new("RGB", (168, 224), "navy")
    seen, near = (each.photos([photo]) for each in (model, small))  # type: ignore[attr-defined]
    assert (seen.embeddings * near.embeddings).sum(axis=2).min() > 0.9


def test_words_that_lie_elsewhere_are_told_when_they_are_not_there(tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(shipped()[f"{NAME}-int8"], alone)
    found = open_model(alone, threads=1)
    with pytest.raises(ModelError, match=f"{NAME} has no text.onnx"):
        found.encode_text(["red"])


def test_the_card_says_what_taught_it() -> None:
    card = open_model(NAME, threads=1).card
    assert card.composed_dim == 128 and card.scores
    assert "sha256 53aa5117" in card.notes and "Apache-2.0" in card.notes and "fashion-products" in card.notes


def test_words_of_one_meaning_lie_together(model: TextModel) -> None:
    red, crimson, blue = model.encode_text(["red t-shirt", "maroon tshirts for men", "blue jeans for women"])
    assert red @ crimson > red @ blue + 0.2
    np.testing.assert_allclose(np.linalg.norm([red, crimson, blue], axis=1), 1, atol=1e-5)


def test_a_change_of_colour_moves_towards_that_colour(model: TextModel) -> None:
    photo = Image.new("RGB", (168, 224), "white")
    photo.paste((200, 20, 30), (40, 40, 128, 190))
    outputs = model.photos([photo])  # type: ignore[attr-defined]
    changed = model.compose(outputs, ["in blue"])[0]
    blue, red = model.encode_text(["blue", "red"])
    before = outputs.composed[0]
    assert changed @ blue - before @ blue > 0.1 and (changed - before) @ (blue - red) > 0.1


def test_a_picture_and_words_take_less_than_the_promised_150_ms(model: TextModel) -> None:
    photo = Image.new("RGB", (168, 224), "navy")
    model.compose(model.photos([photo]), ["in red"])  # type: ignore[attr-defined]
    began = time.process_time()
    for _ in range(3):
        model.compose(model.photos([photo]), ["but in red and longer"])  # type: ignore[attr-defined]
    assert (time.process_time() - began) / 3 < 0.15
