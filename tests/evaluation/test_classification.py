"""Top-k, precision, recall, F1 and confusion, each against a plain count."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.errors import ShapeError
from lapel.evaluation.classification import Classification, classify_scores

NAMES = ("a", "b", "c", "d")


def sample(count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=count, p=[0.7, 0.2, 0.1])  # nothing is a 'd'
    scores = rng.normal(size=(count, 4))
    scores[np.arange(count), labels] += 1.0
    return scores, labels


def test_every_figure_is_a_count() -> None:
    scores, labels = sample()
    found = classify_scores(scores, labels, NAMES, ks=(1, 2, 3, 5))
    predicted = [max(range(4), key=lambda c: (row[c], -c)) for row in scores]
    f1s, supports = [], []
    for c, name in enumerate(NAMES):
        hits = sum(p == t == c for p, t in zip(predicted, labels, strict=True))
        named, held = predicted.count(c), int((labels == c).sum())
        precision, recall = (hits / named if named else 0.0), (hits / held if held else 0.0)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        score = found.classes[name]
        figures = score.precision, score.recall, score.f1
        assert figures == pytest.approx((100 * precision, 100 * recall, 100 * f1))
        assert score.support == held
        f1s.append(100 * f1), supports.append(held)
    assert found.macro.f1 == pytest.approx(sum(f1s) / 4)
    assert found.weighted.f1 == pytest.approx(sum(f * s for f, s in zip(f1s, supports, strict=True)) / 200)
    for k in (1, 2, 3):
        inside = sum(t in sorted(range(4), key=lambda c: -row[c])[:k] for row, t in zip(scores, labels, strict=True))
        assert found.top[k] == pytest.approx(100 * inside / 200)
    assert 5 not in found.top and found.photos == 200
    assert found.constant == pytest.approx(100 * max(supports) / 200)
    assert found.constant_f1 == pytest.approx(100 * 2 * (max(supports) / 200) / (1 + max(supports) / 200) / 3), (
        "d is no class"
    )
    assert found.confusion.sum() == 200 and found.confusion[0].sum() == supports[0]


def test_equal_scores_go_to_the_lower_id() -> None:
    found = classify_scores(np.ones((3, 3)), [0, 1, 2], NAMES[:3], ks=(1, 2))
    assert found.top == {1: pytest.approx(100 / 3), 2: pytest.approx(200 / 3)}
    assert found.confusion[:, 0].tolist() == [1, 1, 1]


def test_it_survives_json() -> None:
    found = classify_scores(*sample(), NAMES, left_out=3)
    again = Classification.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict() and np.array_equal(again.confusion, found.confusion)


def test_shapes_that_do_not_fit_are_refused() -> None:
    scores, labels = sample()
    for wrong in ((scores, labels[:5], NAMES), (scores, labels, NAMES[:3]), (scores[:0], labels[:0], NAMES)):
        with pytest.raises(ShapeError, match="classes"):
            classify_scores(*wrong)


def test_a_class_that_nothing_holds_or_is_taken_for_does_not_lower_the_mean() -> None:
    scores, labels = sample()
    scores[:, 3] = -9.0
    with_it, without = classify_scores(scores, labels, NAMES), classify_scores(scores[:, :3], labels, NAMES[:3])
    assert with_it.macro == without.macro and with_it.classes["d"].f1 == 0
