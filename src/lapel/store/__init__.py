"""Rows on disk, or on a cluster, behind a small interface; knows no model and no picture."""

from lapel.store.base import Store
from lapel.store.lance import LanceStore
from lapel.store.lock import writing
from lapel.store.places import Place, create_store, open_store

__all__ = ["LanceStore", "Place", "Store", "create_store", "open_store", "writing"]
