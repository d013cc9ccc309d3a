"""An answer as one JSON object: the same for the command line, files and, later, HTTP."""

from __future__ import annotations

from typing import Any

from lapel.schema import Answer, Hit

DIGITS = 6


def answer_to_dict(answer: Answer) -> dict[str, Any]:
    """JSON-ready; scores, cosines and probabilities rounded to six decimals."""
    return {
        "exact": answer.exact,
        "considered": answer.considered,
        "weights": [
            {"reference": w.reference, "attribute": w.attribute, "weight": round(w.weight, DIGITS)}
            for w in answer.weights
        ],
        "hits": [_hit(hit) for hit in answer.hits],
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "item": hit.item,
        "score": round(hit.score, DIGITS),
        "image": hit.image,
        "parts": [
            {
                "reference": part.reference,
                "attribute": part.attribute,
                "weight": round(part.weight, DIGITS),
                "cosine": round(part.cosine, DIGITS),
            }
            for part in hit.parts
        ],
        "metadata": dict(hit.metadata),
        "values": {
            name: {"value": value, "probability": round(probability, DIGITS)}
            for name, (value, probability) in hit.values.items()
        },
    }
