"""Frozen records that travel down the flow: items, cards, outputs, queries and hits."""

from lapel.schema.answer import Answer, Contribution, Explained, Hit
from lapel.schema.card import Card, Crops, Preprocess
from lapel.schema.composed import ComposedQuery, ComposedSet
from lapel.schema.items import SEPARATOR, SPLITS, Item, ItemTable, Labels
from lapel.schema.outputs import NO_WORDS, EmbeddingTable, Floats, Model, Outputs, PhotoModel, TextModel
from lapel.schema.query import COMPOSED, WHOLE_LOOK, WORDS, Part, Query
from lapel.schema.release import ROLE, Release, TripletLists
from lapel.schema.vocabulary import Attribute, Vocabulary
from lapel.schema.wording import SLICES_ONLY, meaning, offered, spoken, spoken_value

__all__ = [
    "COMPOSED",
    "NO_WORDS",
    "ROLE",
    "SEPARATOR",
    "SLICES_ONLY",
    "SPLITS",
    "WHOLE_LOOK",
    "WORDS",
    "Answer",
    "Attribute",
    "Card",
    "ComposedQuery",
    "ComposedSet",
    "Contribution",
    "Crops",
    "EmbeddingTable",
    "Explained",
    "Floats",
    "Hit",
    "Item",
    "ItemTable",
    "Labels",
    "Model",
    "Outputs",
    "Part",
    "PhotoModel",
    "Preprocess",
    "Query",
    "Release",
    "TripletLists",
    "TextModel",
    "Vocabulary",
    "meaning",
    "offered",
    "spoken",
    "spoken_value",
]
