import numpy as np
import pytest

from lapel.errors import ShapeError
from lapel.evaluation.composed.recall import NOWHERE, best_ranks, members_only, recall_at


def test_ranks_by_loops() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (20, 15)).astype(np.float32)  # many ties
    right, removed = rng.random((20, 15)) < 0.2, rng.random((20, 15)) < 0.2
    found = best_ranks(scores, right, removed)
    for q in range(20):
        order = sorted((i for i in range(15) if not removed[q, i]), key=lambda i: (-scores[q, i], i))
        places = [place for place, i in enumerate(order, start=1) if right[q, i]]
        assert found[q] == (places[0] if places else NOWHERE)


def test_recall_and_subsets() -> None:
    assert recall_at(np.array([1, 3, NOWHERE]), (1, 5)).tolist() == pytest.approx([100 / 3, 200 / 3])
    scores = np.array([[9.0, 5, 7, 1]])
    right = np.array([[False, True, False, False]])
    assert best_ranks(scores, right).tolist() == [3]
    assert best_ranks(scores, right, members_only([[1, 3]], 4)).tolist() == [1]


def test_damage_is_refused() -> None:
    with pytest.raises(ShapeError, match="no number"):
        best_ranks(np.array([[np.nan]]), np.array([[True]]))
    with pytest.raises(ShapeError, match="queries, gallery"):
        best_ranks(np.zeros((1, 2)), np.zeros((2, 1), bool))
    with pytest.raises(ShapeError, match="no query"):
        recall_at(np.array([], np.int64), (1,))
