"""The distilled neighbours equal plain loops, and leave out what the teacher does not know."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from lapel.errors import ShapeError  # noqa: E402
from lapel.losses.neighbours import kept_neighbours  # noqa: E402


def rows(seed: int, *shape: int):
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(made, dim=-1)


def by_loops(student, teacher, t):
    photos, attributes = student.shape[:2]
    total = 0.0
    for k in range(attributes):
        for i in range(photos):
            others = [j for j in range(photos) if j != i]
            weights = {}
            for name, e in (("s", student), ("r", teacher)):
                raised = {j: math.exp(float(e[i, k] @ e[j, k]) / t) for j in others}
                weights[name] = {j: raised[j] / sum(raised.values()) for j in others}
            total += sum(weights["r"][j] * math.log(weights["r"][j] / weights["s"][j]) for j in others)
    return total / (photos * attributes)


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
def test_neighbours_equal_plain_loops(temperature):
    student, teacher = rows(1, 6, 3, 4), rows(2, 6, 3, 9)
    found = kept_neighbours(student, teacher, temperature)
    assert float(found) == pytest.approx(by_loops(student, teacher, temperature), rel=1e-9)


def test_the_teachers_own_neighbours_cost_nothing_and_turning_the_space_changes_nothing():
    teacher = rows(3, 5, 2, 4)
    turned = teacher @ torch.linalg.qr(rows(4, 4, 4))[0]
    assert float(kept_neighbours(turned, teacher)) == pytest.approx(0, abs=1e-12)
    assert float(kept_neighbours(rows(5, 5, 2, 4), teacher)) > 0.01


def test_attributes_that_the_teacher_does_not_know_are_left_out_and_get_no_gradient():
    student, teacher = rows(6, 5, 3, 4).requires_grad_(), rows(7, 5, 3, 4)
    teacher[:, 1] = 0
    found = kept_neighbours(student, teacher)
    found.backward()
    assert found.item() == pytest.approx(by_loops(student.detach()[:, [0, 2]], teacher[:, [0, 2]], 0.1), rel=1e-9)
    assert (student.grad[:, 1] == 0).all() and (student.grad[:, 0] != 0).any()


@pytest.mark.parametrize("teacher", [torch.zeros(4, 2, 3), torch.zeros(2, 2, 3) + 1])
def test_where_nothing_can_be_taught_the_loss_is_a_zero_with_a_graph(teacher):
    student = rows(8, len(teacher), 2, 3).requires_grad_()
    found = kept_neighbours(student, teacher)
    found.backward()
    assert found.item() == 0 and (student.grad == 0).all()


def test_rows_of_other_photos_are_refused():
    with pytest.raises(ShapeError, match="other photos"):
        kept_neighbours(rows(1, 4, 2, 3), rows(1, 3, 2, 3))
