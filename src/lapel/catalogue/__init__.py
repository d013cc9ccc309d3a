"""A stored, searchable collection of items."""

from lapel.catalogue.adding import AddReport
from lapel.catalogue.catalogue import DEFAULT_MODEL, Catalogue

__all__ = ["DEFAULT_MODEL", "AddReport", "Catalogue"]
