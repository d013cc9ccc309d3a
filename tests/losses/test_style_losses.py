"""The margin cross-entropy and the first version's loss, each against a plain loop."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from lapel.losses.arc_margin import arc_logits, arc_margin  # noqa: E402
from lapel.losses.style import style_v1_loss  # noqa: E402


@pytest.mark.parametrize("easy", [False, True])
def test_the_margin_is_added_to_the_angle_of_the_true_class_alone(easy: bool) -> None:
    angles = torch.linspace(0.05, math.pi - 0.05, 40, dtype=torch.float64)
    cosines = torch.stack([angles.cos(), (angles * 0.5).cos(), -angles.cos()], dim=1)
    labels = torch.arange(40) % 3
    margin, scale = 0.5, 10.0
    expected = []
    for row, label in zip(cosines.tolist(), labels.tolist(), strict=True):
        theta = math.acos(row[label])
        if easy:
            phi = math.cos(theta + margin) if row[label] > 0 else row[label]
        elif theta < math.pi - margin:
            phi = math.cos(theta + margin)
        else:
            phi = row[label] - margin * math.sin(math.pi - margin)
        expected.append([scale * (phi if c == label else value) for c, value in enumerate(row)])
    found = arc_logits(cosines, labels, scale, margin, easy)
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-10)
    by_hand = -sum(row[c] - math.log(sum(map(math.exp, row))) for row, c in zip(expected, labels.tolist(), strict=True))
    assert float(arc_margin(cosines, labels, scale, margin, easy)) == pytest.approx(by_hand / 40)


def test_the_margin_never_makes_a_class_easier_and_keeps_its_order() -> None:
    cosines = torch.linspace(-1, 1, 401, dtype=torch.float64)[:, None]
    moved = arc_logits(cosines, torch.zeros(401, dtype=torch.long), scale=1.0)
    assert (moved <= cosines).all() and (moved.diff(dim=0) > 0).all()


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_gradients_stay_numbers_where_the_sine_vanishes(value: float) -> None:
    cosines = torch.tensor([[value, 0.0]], requires_grad=True)
    arc_margin(cosines, torch.tensor([0])).backward()
    assert cosines.grad is not None and cosines.grad.isfinite().all()


def test_the_first_versions_loss_is_the_stated_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    embeddings = F.normalize(torch.randn(3, 4, 6, generator=generator, dtype=torch.float64), dim=2)
    logits = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    classes = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 4, 0, 1])
    found = style_v1_loss(embeddings, logits, classes)
    ranking = entropy = 0.0
    for b in range(4):
        near, far = (float(embeddings[0, b] @ embeddings[role, b]) for role in (1, 2))
        ranking += max(0.0, 0.2 - near + far) / 4
        for role, label in ((0, classes[0][b]), (2, classes[1][b])):
            row = logits[role, b].tolist()
            entropy += 0.5 * (math.log(sum(map(math.exp, row))) - row[int(label)]) / 4
    assert float(found.triplet) == pytest.approx(ranking)
    assert float(found.classes) == pytest.approx(entropy)
    assert float(found.loss) == pytest.approx(0.1 * ranking + entropy)
