"""Words to token numbers, without any library that a search does not otherwise need."""

from lapel.text.wordpiece import WordPiece

__all__ = ["WordPiece"]
