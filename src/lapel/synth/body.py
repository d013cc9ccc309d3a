"""Who wears it: proportions, pose, skin; or nobody, for a garment laid flat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from lapel.synth.canvas import RGB
from lapel.synth.shapes import Point, Points, bezier, spline

CHIN, NECK, SHOULDER, ARMPIT, WAIST, HIP, CROTCH, KNEE, ANKLE, FLOOR = 132, 166, 199, 270, 385, 480, 512, 705, 905, 945
"""Heights of the figure's landmarks."""

SKINS: tuple[RGB, ...] = (
    (250, 222, 200),
    (238, 200, 170),
    (222, 178, 142),
    (196, 146, 108),
    (150, 102, 72),
    (98, 66, 48),
)
MANNEQUINS: tuple[RGB, ...] = ((236, 230, 222), (206, 202, 198), (96, 98, 104))
HAIRS: tuple[RGB, ...] = ((30, 24, 24), (66, 42, 30), (122, 78, 44), (196, 152, 88), (150, 62, 36), (150, 148, 146))


@dataclass(frozen=True)
class Arm:
    """One arm's joints; side is +1 on the right of the picture."""

    side: int
    shoulder: Point
    elbow: Point
    wrist: Point

    def spine(self) -> Points:
        """The arm's middle line from shoulder to wrist, bent smoothly at the elbow."""
        s, e, w = self.shoulder, self.elbow, self.wrist
        before = (s[0] + (e[0] - s[0]) * 0.8, s[1] + (e[1] - s[1]) * 0.8)
        after = (e[0] + (w[0] - e[0]) * 0.2, e[1] + (w[1] - e[1]) * 0.2)
        mid = (s[0] + (e[0] - s[0]) * 0.4, s[1] + (e[1] - s[1]) * 0.4)
        low = (e[0] + (w[0] - e[0]) * 0.6, e[1] + (w[1] - e[1]) * 0.6)
        return spline([s, mid, before, after, low, w], steps=5)


@dataclass(frozen=True)
class Body:
    """Half widths at the landmarks, both arms, and how it is shown.

    kind: "person", "mannequin" or "flat" (the garment alone, its arms spread).
    """

    kind: str
    neck: float
    shoulder: float
    bust: float
    waist: float
    hip: float
    stance: float
    arms: tuple[Arm, Arm]
    skin: RGB
    hair: RGB
    style: str
    """Hair style, or the mannequin's head."""
    shoe: str
    shoe_color: RGB
    lean: float
    """Degrees that the whole figure leans."""

    @property
    def worn(self) -> bool:
        """Whether a body or mannequin wears the garment."""
        return self.kind != "flat"

    def slope(self, x: float) -> float:
        """The height of the shoulder line at distance x from the middle."""
        share = min(max((x - self.neck) / (self.shoulder - self.neck), 0.0), 1.1)
        return NECK + (SHOULDER - NECK) * (0.65 * share + 0.35 * share * share)

    def flank(self, ease: float = 0.0, to: float = CROTCH) -> Points:
        """The right side from armpit to height `to`, `ease` wider than the body."""
        bust, waist, hip = self.bust + ease, self.waist + ease, self.hip + ease
        down = bezier((bust, ARMPIT), (bust - 1, 310), (waist, 345), (waist, WAIST), 8)
        down += bezier((waist, WAIST), (waist, 420), (hip, 440), (hip, HIP), 8)[1:]
        down += [(hip, HIP + 20), (hip - 3, CROTCH + 10)]
        kept = [p for p in down if p[1] <= to]
        return kept


def make_body(rng: Random, kind: str, spread: tuple[float, float], far_from: RGB) -> Body:
    """A body of random proportions.

    spread: least and greatest angle of the upper arms from the vertical, in degrees.
    far_from: the garment's colour, from which the skin must differ.
    """
    build = rng.uniform(-1, 1)  # from narrow shoulders and wide hips to the contrary
    size = rng.uniform(0.93, 1.09)
    shoulder = (97 + 6 * build) * size
    skins = MANNEQUINS if kind == "mannequin" else SKINS
    apart = [s for s in skins if math.dist(s, far_from) > 85]
    skin = rng.choice(apart) if apart else max(skins, key=lambda s: math.dist(s, far_from))
    even = kind == "flat" or rng.random() < 0.3
    first = _angles(rng, spread, kind)
    second = first if even else _angles(rng, spread, kind)
    return Body(
        kind=kind,
        neck=rng.uniform(26, 30) * (0.5 + size / 2),
        shoulder=shoulder,
        bust=(80 + 3 * build) * size,
        waist=(66 + 5 * build + rng.uniform(-3, 5)) * size,
        hip=(90 - 4 * build) * size,
        stance=rng.uniform(0, 14),
        arms=(_arm(-1, shoulder, *first), _arm(1, shoulder, *second)),
        skin=skin,
        hair=rng.choice(HAIRS),
        style=rng.choice(("short", "bob", "long", "bun", "crop", "curls") if kind == "person" else ("egg", "cap")),
        shoe=rng.choice(("sneaker", "flat", "pump")),
        shoe_color=rng.choice(((40, 38, 40), (236, 234, 230), (122, 84, 56), (176, 40, 48), (70, 84, 110))),
        lean=0.0 if kind == "flat" else rng.uniform(-2.5, 2.5),
    )


def _angles(rng: Random, spread: tuple[float, float], kind: str) -> tuple[float, float]:
    """Upper arm and forearm, degrees from the vertical, outwards positive."""
    upper = rng.uniform(*spread)
    if kind == "flat":
        return upper, upper - rng.uniform(0, 6)
    if upper > 26 and rng.random() < 0.35:
        return upper + 8, -rng.uniform(28, 40)  # a hand on the hip
    return upper, upper - rng.uniform(2, 14)


def _arm(side: int, shoulder: float, upper: float, lower: float) -> Arm:
    start = (side * (shoulder - 15), SHOULDER + 14.0)
    a, b = math.radians(upper), math.radians(lower)
    elbow = (start[0] + side * 162 * math.sin(a), start[1] + 162 * math.cos(a))
    wrist = (elbow[0] + side * 148 * math.sin(b), elbow[1] + 148 * math.cos(b))
    return Arm(side, start, elbow, wrist)
