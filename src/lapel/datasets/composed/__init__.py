"""Data of composed retrieval: a reference, a change in words, a target."""
