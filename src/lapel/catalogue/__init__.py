"""A stored, searchable collection of items."""

from lapel.catalogue.adding import AddReport
from lapel.catalogue.catalogue import DEFAULT_MODEL, Catalogue
from lapel.catalogue.records import StoredItem
from lapel.catalogue.updating import UpdateReport
from lapel.catalogue.verifying import VerifyReport

__all__ = ["DEFAULT_MODEL", "AddReport", "Catalogue", "StoredItem", "UpdateReport", "VerifyReport"]
