"""Prints are cut along the outline of their piece."""

import math
import re
from random import Random

import pytest

from lapel.synth.prints import Print, make_print

SQUARE = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)]
# A piece with a hollow, so that a line may cross it twice.
HOLLOW = [
    (0.0, 0.0),
    (80.0, 0.0),
    (80.0, 120.0),
    (120.0, 120.0),
    (120.0, 0.0),
    (200.0, 0.0),
    (200.0, 200.0),
    (0.0, 200.0),
]


def shapes(svg: list[str]) -> list[list[tuple[float, float]]]:
    """Every closed shape of the paths."""
    found = []
    for path in svg:
        for part in re.search(r' ?d="([^"]*)"', path).group(1).split("M")[1:]:
            found.append([tuple(map(float, p.split())) for p in part.rstrip("Z").split("L")])
    return found


def area(points: list[tuple[float, float]]) -> float:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


@pytest.mark.parametrize("angle", [0, 30, 90])
def test_stripes_cover_their_share_of_the_piece(angle: float) -> None:
    stripe = Print("stripe", ((0, 0, 0),), 20.0, 6.0, 0.0)
    covered = sum(area(s) for s in shapes(stripe.draw(SQUARE, angle)))
    assert covered / 40_000 == pytest.approx(0.3, abs=0.04)


def test_stripes_leave_a_hollow_free() -> None:
    stripe = Print("stripe", ((0, 0, 0),), 20.0, 6.0, 0.0)
    for shape in shapes(stripe.draw(HOLLOW, 0)):
        middle = (sum(x for x, _ in shape) / 4, sum(y for _, y in shape) / 4)
        assert not (80 < middle[0] < 120 and middle[1] < 119)


@pytest.mark.parametrize("kind", ["dots", "floral"])
@pytest.mark.parametrize("angle", [0, 25])
def test_spots_stay_inside_the_piece(kind: str, angle: float) -> None:
    svg = make_print(kind, (40, 90, 190), Random(1), 2.0).draw(SQUARE, angle)
    spots = shapes(svg)
    assert len(spots) > 10
    for spot in spots:
        x, y = (sum(p[i] for p in spot) / len(spot) for i in (0, 1))
        assert -2 < x < 202 and -2 < y < 202


def test_a_print_turns_with_its_piece() -> None:
    stripe = Print("stripe", ((0, 0, 0),), 20.0, 6.0, 0.0)
    flat, turned = shapes(stripe.draw(SQUARE, 0))[0], shapes(stripe.draw(SQUARE, 30))[0]
    tilt = [math.degrees(math.atan2(s[1][1] - s[0][1], s[1][0] - s[0][0])) for s in (flat, turned)]
    assert tilt[0] == pytest.approx(0, abs=0.5) and tilt[1] == pytest.approx(30, abs=0.5)
