"""Teaching words: lessons from labels, a head that learns, and a checkpoint whose attributes stay as they were."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from lapel.datasets import read
from lapel.errors import CheckpointError, InputError
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.text import WordPiece
from lapel.training.words.changes import Kinds, Wish, join, wish
from lapel.training.words.fitting import near
from lapel.training.words.lessons import Caption, Lessons, also_right, phrase, ruled_out, singular
from training_data import tiny_set
from words_model import small_settings, speaking_checkpoint


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPEL_CACHE", str(folder / "cache"))
        speaking_checkpoint(folder)
    return folder


def _lessons(folder: Path) -> Lessons:
    items = read(tiny_set(folder / "set"))
    return Lessons(items, torch.zeros(len(items), 14, 2))


def test_captions_state_the_photo_s_labels_and_fit_every_photo_that_has_them(tmp_path: Path) -> None:
    lessons, random = _lessons(tmp_path), Random(0)
    captions = [lessons.caption(row, random) for row in range(12)]
    fits = also_right(captions, lessons.codes)
    for caption in captions:
        assert caption.states, "these photos have no names"
        for place, code in caption.states.items():
            assert lessons.codes[caption.row, place] == code and lessons.words[place][code] in caption.text
    for i, caption in enumerate(captions):
        for j, other in enumerate(captions):
            agree = all(int(lessons.codes[other.row, place]) == code for place, code in caption.states.items())
            assert bool(fits[i, j]) == agree


def test_names_fit_their_equals_alone() -> None:
    captions = [Caption(0, "Turtle Men Shirt", {}), Caption(1, "Turtle Men Shirt", {}), Caption(2, "Other", {})]
    fits = also_right(captions, torch.zeros(3, 2, dtype=torch.int64))
    assert fits.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_a_phrase_is_said_as_people_say_it() -> None:
    names, words = ("article_type", "color", "gender"), (("dresses",), ("navy blue",), ("women",))
    found = {phrase(0, (0, 0, 0), names, words, Random(seed)).text for seed in range(40)}
    assert {"navy blue dress", "navy blue dresses", "navy blue dress for women", "dresses"} <= found
    assert phrase(0, (-1, -1, -1), names, words, Random(0)).text == "clothing"
    assert [singular(word) for word in ("watches", "shirts", "dress", "t-shirts")] == [
        "watch",
        "shirt",
        "dress",
        "t-shirt",
    ]


def test_questions_differ_in_one_label_and_know_every_right_photo(tmp_path: Path) -> None:
    lessons = _lessons(tmp_path)
    questions = lessons.questions("train", 3)
    train = set(lessons.rows("train"))
    assert questions and questions != lessons.questions("train", 4)
    for question in questions:
        assert {question.reference, *question.right} <= train
        for row in question.right:
            assert int((lessons.codes[row] != lessons.codes[question.reference]).sum()) == 1


def test_two_changes_are_answered_by_photos_that_differ_in_just_those(tmp_path: Path) -> None:
    lessons = _lessons(tmp_path)
    alone, both = lessons.questions("train", 3), lessons.questions("train", 3, two=1.0)
    added = [question for question in both if question not in alone]
    assert added
    for question in added:
        for row in question.right:
            assert int((lessons.codes[row] != lessons.codes[question.reference]).sum()) == 2
            assert any(lessons.words[at][int(lessons.codes[row, at])] in question.text for at in range(2))


def test_a_comparison_asks_for_every_value_beyond() -> None:
    values = ("long", "short", "sleeveless")
    found = {wish("sleeve_length", values, 2, 1, Random(seed)) for seed in range(60)}
    assert {codes for text, codes in found if "longer" in text} == {frozenset({0, 1})}
    assert {codes for text, codes in found if "longer" not in text} == {frozenset({1})}
    assert Wish("longer", frozenset({0, 1})) in found
    down = {wish("sleeve_length", values, 0, 2, Random(seed)) for seed in range(60)}
    assert {codes for text, codes in down if "shorter" in text} == {frozenset({1, 2})}
    assert join("but in red", "but with long sleeves", Random(0)).startswith("but in red")
    assert "but with" not in join("in red", "but with long sleeves", Random(0)).removeprefix("in red but ")


def test_kinds_find_what_plain_loops_find() -> None:
    random = Random(1)
    labels = {row: tuple(random.choice((-1, 0, 1, 2)) for _ in range(3)) for row in range(40)}
    kinds = Kinds(labels)
    for row, own in labels.items():
        others = [o for o in labels.values() if sum(x != y for x, y in zip(own, o, strict=True)) == 2]
        options = {
            (a, b, o[a], o[b])
            for o in others
            for a, b in ((0, 1), (0, 2), (1, 2))
            if o[a] != own[a] and o[b] != own[b] and min(own[a], own[b], o[a], o[b]) >= 0
        }
        drawn = {kinds.two_changes(row, Random(seed)) for seed in range(200)} - {None}
        assert drawn <= options and bool(drawn) == bool(options)
        right = kinds.right(row, {0: frozenset({0, 1})})
        assert set(right) == {r for r, o in labels.items() if o[0] in (0, 1) and o[1:] == own[1:]}


def test_captions_rule_out_photos_that_cannot_have_what_they_state(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    rows = ["id,image,split,master_category,sub_category"]
    kinds = [("Footwear", "Shoes"), ("Apparel", "Topwear"), ("Apparel", "Bottomwear"), ("", "")]
    for n, (master, sub) in enumerate(kinds * 4):
        Image.new("RGB", (8, 8), (n * 10, 0, 0)).save(tmp_path / "shop" / f"{n}.png")
        rows.append(f"{n},{n}.png,train,{master},{sub}")
    (tmp_path / "shop" / "labels.csv").write_text("\n".join(rows) + "\n")
    shop = read(tmp_path / "shop")
    lessons = Lessons(shop, torch.zeros(len(shop), 14, 2))
    captions = [Caption(0, "long sleeves", {0: 1}), Caption(1, "shirt", {1: 0}), Caption(2, "red", {2: 0})]
    out = ruled_out(captions, ("sleeve_length", "category", "color"), lessons, [0, 1, 2, 3])
    assert out.tolist() == [[True, False, True, False], [True, False, False, False], [False] * 4]
    assert lessons.strangers == [0, 2, 4, 6, 8, 10, 12, 14]


def test_a_noun_is_left_out_at_times() -> None:
    names, words = ("category", "sleeve_length"), (("shirt",), ("long",))
    found = {phrase(0, (0, 0), names, words, Random(seed), bare=0.5).text for seed in range(60)}
    assert {"shirt", "shirt with long sleeves", "with long sleeves", "long sleeves"} == found
    assert "long sleeves" not in {phrase(0, (0, 0), names, words, Random(seed)).text for seed in range(60)}


def test_the_card_knows_the_words_that_were_taught(taught: Path) -> None:
    fits = checkpoint.read_card(taught / "words.safetensors").architecture["composed"]["fits"]
    assert {"red", "blue", "stripe"} <= set(fits["words"].split()) and -1 < fits["floor"] < 1
    vectors = torch.eye(4)[[0, 1, 0, 2]] + 0.01
    vocabulary = WordPiece(["[UNK]", "[PAD]", "gown", "bicycle"])
    assert near({"[UNK]"}, vectors, vocabulary) == {"[UNK]", "gown"}
    assert near({"dress"}, vectors, vocabulary) == {"dress"}


def test_it_learns_to_read_and_leaves_the_attributes_alone(taught: Path) -> None:
    before, after = (checkpoint.load(taught / name) for name in ("base.safetensors", "words.safetensors"))
    assert after[1].composed_dim == 16 and after[1].without_words.fingerprint == before[1].fingerprint
    assert after[1].fingerprint != before[1].fingerprint
    pixels = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    one, two = TorchModel(*before)(pixels), TorchModel(*after)(pixels)
    np.testing.assert_array_equal(one.embeddings, two.embeddings)
    assert one.composed is None and two.composed is not None and two.composed.shape == (2, 16)
    reached = after[1].architecture["composed"]["valid"]
    assert reached["texts MAP"] > 60  # a random order of these six kinds gives about 30


def test_the_same_seed_teaches_the_same(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    again = checkpoint.read_card(speaking_checkpoint(tmp_path))
    assert again.weights_sha256 == checkpoint.read_card(taught / "words.safetensors").weights_sha256


def test_what_cannot_be_shipped_or_taught_is_refused(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapel.models.composed.static_words import static_words
    from lapel.schema import ItemTable
    from lapel.training.words import teach

    monkeypatch.setenv("LAPEL_CACHE", str(taught / "cache"))
    with pytest.raises(CheckpointError, match="composes from the picture's regions"):
        (tmp_path / "f").mkdir()
        speaking_checkpoint(
            tmp_path / "f", system="fashionern", epochs=1, system_epochs=1, options={"heads": 2, "inner": 16}
        )
    model, card = checkpoint.load(taught / "base.safetensors")
    items = read(taught / "set")
    unsplit = ItemTable(items.table.drop_columns(["split"]), items.vocabulary, items.root, items.name)
    with pytest.raises(InputError, match="has no splits"):
        teach(model, card, [unsplit], static_words(taught / "encoder"), small_settings())  # type: ignore[arg-type]


def test_the_command(taught: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from lapel.interfaces.cli.add_words import command

    monkeypatch.setenv("LAPEL_CACHE", str(taught / "cache"))
    asked = [str(taught / "base.safetensors"), "--data", str(taught / "set"), "--words", str(taught / "encoder")]
    out = ["-o", str(taught / "new.safetensors"), "--epochs", "1", "--system-epochs", "1", "--dim", "16"]
    done = CliRunner().invoke(command, [*asked, *out])
    assert done.exit_code == 0 and "one-change queries" in done.output, done.output
    assert checkpoint.read_card(taught / "new.safetensors").composed_dim == 16
    again = CliRunner().invoke(command, [*asked, *out])
    assert again.exit_code == 1 and isinstance(again.exception, InputError)
