"""WordPiece: text to token numbers over a fixed vocabulary, as BERT's uncased models cut it (Devlin et al., 2019)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ModelError

UNKNOWN, PADDING = "[UNK]", "[PAD]"
LONGEST = 100
"""Characters of a word; a longer one is unknown."""

_PARTS = re.compile(r"[^\W_]+|[^\w\s]|_")


class WordPiece:
    """A vocabulary and its greedy longest-match cut.

    Args:
        tokens: in the order of their numbers; continuations begin with `##`.

    Raises:
        ModelError: `[UNK]` or `[PAD]` is missing, or a token stands twice.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self.numbers) != len(self.tokens) or not {UNKNOWN, PADDING} <= self.numbers.keys():
            raise ModelError(f"A vocabulary names every token once, {UNKNOWN} and {PADDING} among them.")
        self.unknown, self.padding = self.numbers[UNKNOWN], self.numbers[PADDING]
        self._cut = lru_cache(maxsize=65536)(self._pieces)

    @classmethod
    def load(cls, path: str | Path) -> WordPiece:
        """A vocabulary file, one token a line."""
        return cls(Path(path).read_text(encoding="utf-8").splitlines())

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text; accents and case are dropped, signs are tokens of their own."""
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(sign for sign in plain if unicodedata.category(sign) != "Mn")
        return [number for word in _PARTS.findall(plain) for number in self._cut(word)]

    def batch(self, texts: Sequence[str], longest: int) -> NDArray[np.int64]:
        """(n, T) token numbers, padded to the longest text, cut at `longest`; T is at least 1."""
        rows = [self.encode(text)[:longest] for text in texts]
        out = np.full((len(rows), max(1, *map(len, rows), 1)), self.padding, np.int64)
        for at, row in enumerate(rows):
            out[at, : len(row)] = row
        return out

    def _pieces(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST:
            return (self.unknown,)
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self.numbers.get(("##" if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return (self.unknown,)
            found.append(number)
            start = end
        return tuple(found)
