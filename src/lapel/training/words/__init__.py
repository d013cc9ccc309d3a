"""Text and composed search for a trained attribute model: a small head on its frozen backbone."""

from lapel.training.words.teaching import Settings, Taught, save_taught, teach

__all__ = ["Settings", "Taught", "save_taught", "teach"]
