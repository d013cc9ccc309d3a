"""The words of an exported model: `text.onnx` reads token numbers, `compose.onnx` changes a picture's vector by them.

| file | takes | gives |
|---|---|---|
| text.onnx | tokens (n, T) int64 | text (n, C) unit, said (n, C) as it comes |
| compose.onnx | composed (n, C) unit, said (n, C) | changed (n, C) unit |
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lapel.errors import ModelError, QueryError
from lapel.schema import Floats
from lapel.text import WordPiece

TEXT, COMPOSE, VOCABULARY = "text.onnx", "compose.onnx", "vocab.txt"
TOKENS, SAID, CHANGED = "tokens", "said", "changed"
TEXT_OUTPUTS, COMPOSE_OUTPUTS = ("text", SAID), (CHANGED,)


class Words:
    """Texts to vectors.

    Args:
        text, compose: ONNX Runtime sessions of the two files. vocabulary: the vocabulary file. longest: tokens read.
    """

    def __init__(self, text: Any, compose: Any, vocabulary: bytes, longest: int) -> None:
        self._text, self._compose, self.longest = text, compose, longest
        try:
            self._wordpiece = WordPiece(vocabulary.decode("utf-8").splitlines())
        except UnicodeDecodeError as error:
            raise ModelError(f"{VOCABULARY} is damaged; export the model again.") from error

    def encode(self, texts: list[str]) -> Floats:
        """(n, C) unit length.

        Raises:
            QueryError: a text that says nothing, or more than the encoder reads.
        """
        found: Floats = self._text.run(["text"], {TOKENS: self._tokens(texts)})[0]
        return found

    def change(self, composed: Floats, texts: list[str]) -> Floats:
        """References (n, C) unit length, each after the change that its text asks for: (n, C) unit length.

        Raises:
            QueryError: as `encode`.
        """
        said = self._text.run([SAID], {TOKENS: self._tokens(texts)})[0]
        given = {"composed": np.ascontiguousarray(composed, dtype=np.float32), SAID: said}
        found: Floats = self._compose.run([CHANGED], given)[0]
        return found

    def _tokens(self, texts: list[str]) -> Any:
        for text in texts:
            check_text(self._wordpiece, text, self.longest)
        return self._wordpiece.batch(texts, self.longest)


def check_text(wordpiece: WordPiece, text: str, longest: int) -> None:
    """Refuse a text that would be read in part, or says nothing.

    Raises:
        QueryError: either of these.
    """
    count = len(wordpiece.encode(text))
    if not count:
        raise QueryError(f"The text {text!r} says nothing; write what is wished, for example: red dress.")
    if count > longest:
        raise QueryError(
            f"The text has {count} word pieces; the model reads {longest}. Say it shorter: '{text[:60]} ...'."
        )
