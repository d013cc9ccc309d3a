"""Other clothes worn with the garment: plain ones, in a colour far from its own."""

from __future__ import annotations

import math
from random import Random

from lapel.synth import bodice, skirts, sleeves
from lapel.synth.body import HIP, Body
from lapel.synth.canvas import RGB, Canvas
from lapel.synth.fabric import Cloth, cloth_of, vary

_PLAIN: tuple[RGB, ...] = (
    (58, 78, 116),
    (42, 42, 48),
    (226, 222, 212),
    (150, 150, 154),
    (190, 164, 130),
    (92, 98, 82),
    (124, 92, 84),
)


def _cloth(main: Cloth, rng: Random) -> Cloth:
    apart = [c for c in _PLAIN if math.dist(c, main.base) > 120]
    return cloth_of(rng, vary(rng.choice(apart), rng), "solid", 2.4, main.light)


def choose_companions(category: str, rng: Random) -> tuple[str, str]:
    """What is worn with a garment of this category: (lower, upper), "" for nothing.

    lower: "full" or "cropped" trousers, a "short" or "knee" skirt. upper: the sleeve length of a plain top.
    """
    lower = upper = ""
    if category in ("top", "shirt", "sweater", "coat"):
        skirt = "short" if category == "coat" else "knee"  # under a coat the hem must stay clear to see
        lower = rng.choice(("full", "cropped")) if rng.random() < 0.65 else skirt
    if category in ("skirt", "trousers"):
        upper = rng.choice(("sleeveless", "short", "elbow", "long"))
    if category == "coat":
        upper = "sleeveless"
    return lower, upper


def draw_lower_companion(canvas: Canvas, body: Body, main: Cloth, lower: str, rng: Random) -> None:
    """Trousers or a skirt under a top or coat."""
    cloth = _cloth(main, rng)
    with canvas.aside():
        if lower in ("full", "cropped"):
            skirts.draw_trousers(canvas, body, cloth, lower, rng, waistband=True)
        else:
            skirts.draw_skirt(canvas, body, cloth, lower, rng, waistband=True)


def draw_top_companion(canvas: Canvas, body: Body, main: Cloth, upper: str, rng: Random) -> None:
    """A plain top with a skirt or trousers, or under a coat."""
    cloth = _cloth(main, rng)
    cut = bodice.Cut(rng.choice(("round", "round", "v")), upper == "sleeveless", HIP + 10, 3.0, True)
    with canvas.aside():
        if upper != "sleeveless":
            sleeves.draw_sleeves(canvas, body, cloth, upper, rng, 5, "set")
        bodice.draw_bodice(canvas, body, cloth, cut, rng, mark=False)
