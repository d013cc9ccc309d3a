"""Composed retrieval: cached features of frozen towers, recipes, and the stage that the one training loop runs."""
