"""Paired significance of two evaluations."""

from lapel.compare.paired import Comparison, Difference, compare, compare_files

__all__ = ["Comparison", "Difference", "compare", "compare_files"]
