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


def _cloth(canvas: Canvas, main: Cloth, rng: Random) -> Cloth:
    apart = [c for c in _PLAIN if math.dist(c, main.base) > 120]
    return cloth_of(rng, vary(rng.choice(apart), rng), "solid", 2.4, main.light)


def draw_lower_companion(canvas: Canvas, body: Body, main: Cloth, rng: Random, short: bool) -> None:
    """Trousers or a skirt under a top or coat. short: only what leaves the coat's hem clear to see."""
    cloth = _cloth(canvas, main, rng)
    with canvas.aside():
        if rng.random() < 0.65:
            skirts.draw_trousers(canvas, body, cloth, rng.choice(("full", "cropped")), rng, waistband=True)
        else:
            skirts.draw_skirt(canvas, body, cloth, "short" if short else "knee", rng, waistband=True)


def draw_top_companion(canvas: Canvas, body: Body, main: Cloth, rng: Random, inner: bool) -> None:
    """A plain top with a skirt or trousers, or (inner) under a coat."""
    cloth = _cloth(canvas, main, rng)
    length = "sleeveless" if inner else rng.choice(("sleeveless", "short", "elbow", "long"))
    neckline = rng.choice(("round", "round", "v")) if not inner else "round"
    cut = bodice.Cut(neckline, length == "sleeveless", HIP + 10, 3.0, True)
    with canvas.aside():
        if length != "sleeveless":
            sleeves.draw_sleeves(canvas, body, cloth, length, rng, 5, "set")
        bodice.draw_bodice(canvas, body, cloth, cut, rng, mark=False)
