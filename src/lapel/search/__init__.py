"""Query to hits: parse what was asked, embed the references, add up weighted cosines, filter, rank."""

from lapel.search.answers import answer_to_dict
from lapel.search.collection import Collection
from lapel.search.references import parse_reference
from lapel.search.searcher import ITEM, Reference, Searcher

__all__ = ["ITEM", "Collection", "Reference", "Searcher", "answer_to_dict", "parse_reference"]
