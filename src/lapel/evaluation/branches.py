"""The two branches of a model that crops, each alone: their embeddings lie side by side in the joint one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.protocols import Task
from lapel.evaluation.ranking import Ranked
from lapel.schema import Card, EmbeddingTable

NAMES = {"rpf": ("region", "patch")}
"""What a system calls its branches; the others say global and local."""

APs = NDArray[np.float64]


@dataclass(frozen=True)
class Branch:
    """One branch's MAP in percent: over all queries, mean over attributes, and of each attribute."""

    overall: float
    mean: float
    attributes: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, four decimals; `Branch(**found)` reads it back."""
        rounded = {name: round(figure, 4) for name, figure in self.attributes.items()}
        return {"overall": round(self.overall, 4), "mean": round(self.mean, 4), "attributes": rounded}


def branch_tables(table: EmbeddingTable) -> dict[str, EmbeddingTable]:
    """The table of each branch, unit length; none for a model of one branch, or one that ignores the other."""
    card = table.card
    if card.crops is None or not 0 < card.crops.beta < 1:
        return {}
    first = card.dim - _local_dim(card)
    names = NAMES.get(card.system, ("global", "local"))
    parts = (table.outputs.embeddings[..., :first], table.outputs.embeddings[..., first:])
    made = {}
    for name, part in zip(names, parts, strict=True):
        length = np.linalg.norm(part, axis=-1, keepdims=True)
        unit = (part / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)
        made[name] = replace(table, outputs=replace(table.outputs, embeddings=unit))
    return made


def branch_scores(
    table: EmbeddingTable, tasks: Sequence[Task], rank: Callable[[EmbeddingTable, Task], Ranked]
) -> dict[str, Branch]:
    """MAP of each branch alone, in the very tasks that the joint embedding is scored in.

    rank: ranks a task's gallery by a table's embeddings.
    """
    found = {}
    for name, part in branch_tables(table).items():
        aps = {task.attribute: rank(part, task).ap for task in tasks}
        means = {attribute: 100 * float(ap.mean()) for attribute, ap in aps.items()}
        every = np.concatenate(list(aps.values()))
        found[name] = Branch(100 * float(every.mean()), float(np.mean(list(means.values()))), means)
    return found


def _local_dim(card: Card) -> int:
    """Width of the local branch: its own option, else that of the global one."""
    asked = card.architecture.get("local", {}).get("options", {})
    return int(asked.get("dim", card.dim // 2))
