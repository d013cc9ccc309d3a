"""Which words count as known."""

from __future__ import annotations

from lapel.text import KnownWords, words_of


def test_words_are_read_without_case_accents_numbers_and_signs() -> None:
    assert words_of("Café-brown T-Shirt, size 42!") == ["cafe", "brown", "t", "shirt", "size"]


def test_plurals_little_words_and_short_ones_are_known() -> None:
    known = KnownWords({"shirt", "dresses", "red"})
    assert known.unknown("with red shirts and a dress, but in XL please") == []
    assert known.unknown("a red banana, banana or screwdriver") == ["banana", "screwdriver"]
    assert known.unknown("42 !") == []
