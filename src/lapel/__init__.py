"""Lapel: search fashion by its details."""
