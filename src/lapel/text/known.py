"""Which words of a text a model was taught, or knows the neighbours of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORDS = re.compile(r"[^\W\d_]+")
SHORTEST = 3
"""Letters of a word that is looked at; shorter ones are sizes, signs and little words."""

_LITTLE = """
and any are but can different for from has have her him his how instead its just less like looking made make more much
need not one other our out please same show similar some something style such than that the their them these they this
those too very want wear wearing what which will with without would you your
"""
LITTLE = frozenset(_LITTLE.split())
"""Words that carry a wish and name nothing."""


def words_of(text: str) -> list[str]:
    """A text's words in lower case without accents, in order; numbers and signs are none."""
    plain = unicodedata.normalize("NFD", text.lower())
    return _WORDS.findall("".join(sign for sign in plain if unicodedata.category(sign) != "Mn"))


class KnownWords:
    """A set of words, asked with or without a plural's ending.

    Args:
        words: in lower case.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(words)

    def __contains__(self, word: str) -> bool:
        forms = (word, word + "s", word + "es", word.removesuffix("s"), word.removesuffix("es"))
        return len(word) < SHORTEST or word in LITTLE or any(form in self.words for form in forms)

    def unknown(self, text: str) -> list[str]:
        """The text's words that are not among them, each once, in order."""
        return [word for word in dict.fromkeys(words_of(text)) if word not in self]
