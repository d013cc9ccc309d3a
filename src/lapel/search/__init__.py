"""Query to hits: parse what was asked, embed the references, add up weighted cosines, filter, rank."""

from lapel.search.collection import Collection
from lapel.search.references import parse_change, parse_reference, parse_words, with_words
from lapel.search.resolving import ITEM, Pictures, Reference, Resolver
from lapel.search.searcher import Searcher

__all__ = [
    "ITEM",
    "Collection",
    "Pictures",
    "Reference",
    "Resolver",
    "Searcher",
    "parse_change",
    "parse_reference",
    "parse_words",
    "with_words",
]
