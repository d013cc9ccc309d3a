"""Composed retrieval: protocols that cannot be mixed up, recall with intervals, CIRR's submission files."""

from lapel.evaluation.composed.comparing import compare_composed
from lapel.evaluation.composed.protocol import PROTOCOLS, ComposedProtocol, protocol_of
from lapel.evaluation.composed.record import ComposedEvaluation
from lapel.evaluation.composed.scoring import Asked, asked_of, evaluate_composed

__all__ = [
    "PROTOCOLS",
    "Asked",
    "ComposedEvaluation",
    "ComposedProtocol",
    "asked_of",
    "compare_composed",
    "evaluate_composed",
    "protocol_of",
]
