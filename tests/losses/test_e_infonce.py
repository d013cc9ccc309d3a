"""E-InfoNCE against plain loops that follow the sums, in half precision, and at the edges."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lapel.errors import InputError, ShapeError
from lapel.losses.e_infonce import Kind, Negatives, e_infonce, same_value, shared_value

ATTRIBUTES = torch.tensor([0, 0, 1, 1, 2, 0, 0, 1])
VALUES = torch.tensor([1, 1, 2, 0, 3, 2, 1, 2])
SETS = same_value(ATTRIBUTES, VALUES)


def rows(count: int = 8, dim: int = 12, seed: int = 0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    drawn = torch.randn(3, count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return [(part + drawn[0]).to(dtype) for part in drawn]


def by_loops(parts: list[Tensor], kind: str, negatives: str, tau: float, alpha: float) -> float:
    """The four formulas, a number at a time."""
    region, patch, background = ([[float(x) for x in row] for row in part] for part in parts)

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    total = 0.0
    for i, row in enumerate(region):
        near = everyone = others = behind = 0.0
        for j in range(len(region)):
            same = ATTRIBUTES[i] == ATTRIBUTES[j]
            s = math.exp(cosine(row, patch[j]) / tau)
            if same:
                behind += alpha * math.exp(cosine(row, background[j]) / tau)
            if same or negatives == "everyone":
                everyone += s
                others += 0.0 if same and VALUES[i] == VALUES[j] else s
            near += s if same and VALUES[i] == VALUES[j] else 0.0
        numerator, rest = {
            "published": (near, everyone),
            "positives": (near, near),
            "self": (math.e, math.e + others),
            "self_alone": (math.e, math.e),
        }[kind]
        total += math.log(rest + behind) - math.log(numerator)
    return total / len(region)


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("negatives", get_args(Negatives))
@pytest.mark.parametrize("tau, alpha", [(0.07, 12.0), (0.5, 0.0), (1.0, 48.0)])
def test_it_is_the_sums_of_its_formulas(kind: Kind, negatives: Negatives, tau: float, alpha: float) -> None:
    parts = rows()
    found = e_infonce(*parts, SETS, tau=tau, alpha=alpha, kind=kind, negatives=negatives)
    assert found.item() == pytest.approx(by_loops(parts, kind, negatives, tau, alpha), rel=1e-9)


def test_the_two_readings_differ_and_agree_on_one_attribute() -> None:
    parts, alone = rows(), torch.zeros_like(ATTRIBUTES)
    everyone, attribute = (e_infonce(*parts, SETS, negatives=n) for n in get_args(Negatives))
    assert attribute < everyone  # fewer negatives, a smaller denominator
    first, second = (e_infonce(*parts, same_value(alone, VALUES), negatives=n) for n in get_args(Negatives))
    assert first == second


def test_masks_are_reflexive_and_nested() -> None:
    positive, attribute = same_value(ATTRIBUTES, VALUES)
    assert positive.diagonal().all() and (attribute | ~positive).all()
    assert attribute[0, 5] and not positive[0, 5] and not attribute[0, 2]


def test_rows_of_several_values_share_one() -> None:
    single = shared_value(ATTRIBUTES, F.one_hot(VALUES).bool())
    assert torch.equal(single.value, SETS.value) and torch.equal(single.attribute, SETS.attribute)
    held = torch.tensor([[1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1]]).bool()
    found = shared_value(torch.tensor([0, 0, 0, 1]), held).value
    assert found.tolist() == [
        [True, True, False, False],
        [True, True, True, False],
        [False, True, True, False],
        [False, False, False, True],
    ]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_half_precision_rows_give_the_same_loss_and_finite_gradients(dtype: torch.dtype, kind: Kind) -> None:
    exact = [part.to(dtype) for part in rows(dtype=torch.float32)]
    given = [part.clone().requires_grad_() for part in exact]
    loss = e_infonce(*given, SETS, kind=kind)
    assert loss.dtype == torch.float32
    wanted = e_infonce(*(part.double() for part in exact), SETS, kind=kind)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    loss.backward()
    for part in given:
        assert part.grad is None or part.grad.isfinite().all()


@pytest.mark.parametrize(
    "dtype, size",
    [
        (torch.float16, 6e4),
        (torch.float16, 1e-3),
        (torch.bfloat16, 3e38),
        (torch.bfloat16, 1e-6),
        (torch.float32, 1e30),
    ],
)
def test_extreme_rows_stay_finite(dtype: torch.dtype, size: float) -> None:
    """Gradients grow as rows shrink: below 1e-3 they leave what float16 can hold, whatever computes them."""
    whole = [part / part.abs().amax() for part in rows(dtype=torch.float32)]
    given = [(part * size).to(dtype).requires_grad_() for part in whole]
    loss = e_infonce(*given, SETS)
    loss.backward()
    assert loss.isfinite()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in given)
    if dtype == torch.float32:
        assert loss.item() == pytest.approx(by_loops(whole, "published", "everyone", 0.07, 12.0), rel=1e-4)


def test_a_very_low_temperature_overflows_nothing() -> None:
    """At tau 0.001 a plain exponential would be e^1000."""
    parts = [part.requires_grad_() for part in rows(dtype=torch.float32)]
    loss = e_infonce(*parts, SETS, tau=1e-3)
    loss.backward()
    assert loss.isfinite() and loss > 0
    assert all(part.grad is not None and part.grad.isfinite().all() for part in parts)


def test_autocast_does_not_round_the_similarities() -> None:
    """A similarity rounded to bfloat16 and divided by 0.07 would be off by 0.06."""
    parts = rows(dtype=torch.float32)
    plain = e_infonce(*parts, SETS)
    with torch.autocast("cpu", torch.bfloat16):
        assert e_infonce(*parts, SETS) == plain


def test_rows_that_are_alone_are_their_own_positives() -> None:
    parts = rows(1)
    loss = e_infonce(*parts, same_value(ATTRIBUTES[:1], VALUES[:1]), alpha=0.0)
    assert loss.item() == pytest.approx(0.0, abs=1e-12)


def test_a_zero_row_gives_a_number() -> None:
    parts = rows(dtype=torch.float32)
    parts[0][2] = 0
    parts[0].requires_grad_()
    loss = e_infonce(*parts, SETS)
    loss.backward()
    assert loss.isfinite() and parts[0].grad is not None and parts[0].grad.isfinite().all()
    assert not parts[0].grad[2].any()


def test_wrong_arguments_get_a_sentence() -> None:
    parts = rows()
    with pytest.raises(ShapeError, match="one shape"):
        e_infonce(parts[0], parts[1][:4], parts[2], SETS)
    with pytest.raises(ShapeError, match="8 rows"):
        e_infonce(*parts, same_value(ATTRIBUTES[:4], VALUES[:4]))
    with pytest.raises(InputError, match="no kind 'type1'"):
        e_infonce(*parts, SETS, kind="type1")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="tau above 0"):
        e_infonce(*parts, SETS, tau=0.0)
    with pytest.raises(InputError, match="negatives 'all'"):
        e_infonce(*parts, SETS, negatives="all")  # type: ignore[arg-type]
