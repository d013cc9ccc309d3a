"""What an export costs in the measure that counts: MAP on labelled photos, original against exported."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lapel.embedding import embed
from lapel.evaluation import Evaluation, evaluate_embeddings, near_duplicates
from lapel.progress import Progress
from lapel.schema import ItemTable, Model

PROTOCOL = "each-against-rest"


@dataclass(frozen=True)
class MetricChange:
    """MAP of both models on the same items under the same protocol; figures in percent.

    split: "test", or "all" of a table without splits. overall: {"original", "exported", "change"} over all queries.
    attributes: the same for every attribute that model and table share.
    """

    protocol: str
    data: str
    fingerprint: str
    split: str
    queries: int
    overall: dict[str, float]
    attributes: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)


def metric_change(original: Model, exported: Model, items: ItemTable, progress: Progress | None = None) -> MetricChange:
    """Score both models on a table's test split, or on all of a table without splits.

    Args:
        original, exported: two models with one vocabulary and preprocessing.
        items: labelled photos; unreadable ones are left out.
        progress: advances once a photo and model.

    Raises:
        InputError: model and table have no attribute in common, or nothing in it can be evaluated.
        TableError: the table has splits, but no test split.
    """
    split = "test" if "split" in items.table.column_names else "all"
    part = items if split == "all" else items.split(split)
    groups = near_duplicates(part)

    def score(model: Model) -> Evaluation:
        table, _ = embed(model, part.paths, part.ids, skip=True, progress=progress)
        return evaluate_embeddings(table, items, split=split, protocol=PROTOCOL, groups=groups)

    before, after = score(original), score(exported)
    return MetricChange(
        protocol=PROTOCOL,
        data=items.name,
        fingerprint=before.data.fingerprint,
        split=split,
        queries=sum(found.queries for found in before.attributes.values()),
        overall=_change(before.overall, after.overall),
        attributes={name: _change(found.map, after.attributes[name].map) for name, found in before.attributes.items()},
    )


def _change(original: float, exported: float) -> dict[str, float]:
    values = {"original": original, "exported": exported, "change": exported - original}
    return {name: round(value, 4) for name, value in values.items()}
