"""Frozen records that travel down the flow: items, cards, outputs, queries and hits."""

from lapel.schema.card import Card, Preprocess
from lapel.schema.items import SEPARATOR, SPLITS, Item, ItemTable, Labels
from lapel.schema.outputs import EmbeddingTable, Floats, Model, Outputs
from lapel.schema.query import WHOLE_LOOK, Answer, Contribution, Hit, Part, Query
from lapel.schema.vocabulary import Attribute, Vocabulary

__all__ = [
    "SEPARATOR",
    "SPLITS",
    "WHOLE_LOOK",
    "Answer",
    "Attribute",
    "Card",
    "Contribution",
    "EmbeddingTable",
    "Floats",
    "Hit",
    "Item",
    "ItemTable",
    "Labels",
    "Model",
    "Outputs",
    "Part",
    "Preprocess",
    "Query",
    "Vocabulary",
]
