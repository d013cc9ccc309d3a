"""Vectors to neighbours; knows no picture and no model."""

from lapel.index.exact import ExactIndex, Term
from lapel.index.weighted import Found, Index

__all__ = ["ExactIndex", "Found", "Index", "Term"]
