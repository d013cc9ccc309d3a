"""Metrics (pure), protocols, tables and reports."""

from lapel.evaluation.evaluate import evaluate_embeddings
from lapel.evaluation.photos import evaluate, near_duplicates
from lapel.evaluation.protocols import PROTOCOLS
from lapel.evaluation.ranking import Ranked, rank_all
from lapel.evaluation.record import AttributeScore, Evaluation
from lapel.evaluation.relevance import Relevance

__all__ = [
    "PROTOCOLS",
    "AttributeScore",
    "Evaluation",
    "Ranked",
    "Relevance",
    "evaluate",
    "evaluate_embeddings",
    "near_duplicates",
    "rank_all",
]
