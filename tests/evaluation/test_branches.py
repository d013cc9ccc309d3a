"""The two branches of a model that crops: each scored alone as if it were a model of its own."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from rich.console import Console

from evaluation_data import make_items, make_table
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.evaluation.branches import branch_tables
from lapel.evaluation.tables import branch_table
from lapel.schema import Crops, EmbeddingTable

BETA = 0.3
ITEMS = make_items()
FIRST, SECOND = make_table(ITEMS, 1, dim=8), make_table(ITEMS, 2, dim=12, signal=0.3)


def joint(system: str = "rpf", beta: float = BETA) -> EmbeddingTable:
    """Both tables side by side, as a crop model embeds."""
    parts = (beta**0.5 * FIRST.outputs.embeddings, (1 - beta) ** 0.5 * SECOND.outputs.embeddings)
    outputs = replace(FIRST.outputs, embeddings=np.concatenate(parts, axis=2).astype(np.float32))
    crops = asdict(Crops(beta=beta))
    architecture = {"crops": crops, "local": {"options": {"dim": 12}}}
    card = FIRST.card.with_(system=system, dim=20, architecture=architecture)
    return EmbeddingTable(ITEMS.ids, outputs, card)


def test_each_branch_scores_as_it_would_alone() -> None:
    found = evaluate_embeddings(joint(), ITEMS)
    assert list(found.branches) == ["region", "patch"]
    for name, alone in (("region", FIRST), ("patch", SECOND)):
        wanted = evaluate_embeddings(alone, ITEMS)
        branch = found.branches[name]
        assert branch.overall == pytest.approx(wanted.overall, abs=1e-9)
        assert branch.mean == pytest.approx(wanted.mean, abs=1e-9)
        assert branch.attributes == pytest.approx({n: s.map for n, s in wanted.attributes.items()}, abs=1e-9)
    assert found.overall not in (found.branches["region"].overall, found.branches["patch"].overall)


def test_the_joint_cosine_is_the_weighted_sum_of_the_branches() -> None:
    """What makes it fair to call the halves of the vector branches."""
    region, patch = branch_tables(joint()).values()
    whole = joint().outputs.embeddings[:, 0]
    parts = [part.outputs.embeddings[:, 0] for part in (region, patch)]
    weighted = BETA * parts[0] @ parts[0].T + (1 - BETA) * parts[1] @ parts[1].T
    np.testing.assert_allclose(whole @ whole.T, weighted, atol=1e-6)


def test_other_systems_call_them_global_and_local_and_one_branch_has_none() -> None:
    assert list(branch_tables(joint("asenpp"))) == ["global", "local"]
    assert not branch_tables(FIRST) and not branch_tables(joint(beta=1.0))
    assert not evaluate_embeddings(FIRST, ITEMS).branches
    assert not evaluate_embeddings(joint(), ITEMS, branches=False).branches


def test_branches_are_kept_in_the_record_and_shown_beside_the_joint_figure() -> None:
    found = evaluate_embeddings(joint(), ITEMS)
    again = Evaluation.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.branches["patch"].overall == pytest.approx(found.branches["patch"].overall, abs=1e-4)
    written = io.StringIO()
    Console(width=100, file=written).print(*branch_table(found))
    text = written.getvalue()
    figures = (found.overall, found.branches["region"].overall, found.branches["patch"].overall)
    assert all(f"{figure:.2f}" in text for figure in figures) and "region" in text
    assert branch_table(evaluate_embeddings(FIRST, ITEMS)) == []
