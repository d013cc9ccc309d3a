"""Embeddings and labels -> a scalar: one file a loss; a loss never holds a model."""
