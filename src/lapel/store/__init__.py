"""Rows on disk behind a small interface; knows no model and no picture."""

from lapel.store.base import Store
from lapel.store.lance import LanceStore
from lapel.store.lock import writing

__all__ = ["LanceStore", "Store", "writing"]
