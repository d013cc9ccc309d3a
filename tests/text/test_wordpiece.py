import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import ModelError
from lapel.text import WordPiece

TOKENS = ["[PAD]", "[UNK]", "red", "v", "-", "neck", "sleeve", "##less", "##s", "t", "shirt", ",", "a", "##b"]
WORDS = WordPiece(TOKENS)


def cut(text: str) -> list[str]:
    return [TOKENS[number] for number in WORDS.encode(text)]


def test_words_are_cut_greedily_and_signs_stand_alone() -> None:
    assert cut("Réd V-neck, T-shirts") == ["red", "v", "-", "neck", ",", "t", "-", "shirt", "##s"]
    assert cut("sleeveless necks") == ["sleeve", "##less", "neck", "##s"]
    assert cut("blue " + "a" * 200) == ["[UNK]", "[UNK]"]
    assert cut("") == []


def test_a_batch_is_padded_and_cut() -> None:
    assert WORDS.batch(["red neck sleeve", "", "a"], 2).tolist() == [[2, 5], [0, 0], [12, 0]]
    assert WORDS.batch([""], 4).tolist() == [[0]] and WORDS.batch([], 4).shape == (0, 1)


@given(st.text())
def test_any_text_has_tokens_of_the_vocabulary(text: str) -> None:
    assert all(0 <= number < len(TOKENS) for number in WORDS.encode(text))


def test_a_vocabulary_must_be_one() -> None:
    with pytest.raises(ModelError, match="once"):
        WordPiece(["[PAD]", "[UNK]", "a", "a"])
    with pytest.raises(ModelError):
        WordPiece(["a"])
