"""Words to token numbers, and which words are known, without any library that a search does not otherwise need."""

from lapel.text.known import KnownWords, words_of
from lapel.text.wordpiece import WordPiece

__all__ = ["KnownWords", "WordPiece", "words_of"]
