"""Vectors to neighbours; knows no picture and no model."""

from lapel.index.exact import ExactIndex, Term

__all__ = ["ExactIndex", "Term"]
