"""Composed retrieval: a reference picture and a change in words become one query vector (PyTorch)."""
