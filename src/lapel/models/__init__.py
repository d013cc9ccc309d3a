"""Tensors (and an attribute) -> embeddings: one file an architecture, all in PyTorch."""
