"""How a bodice is cut at the top: the half edge from the middle to the shoulder for every neckline."""

from __future__ import annotations

from lapel.synth.body import ARMPIT, NECK, Body
from lapel.synth.canvas import Canvas
from lapel.synth.shapes import Point, Points, bezier, bow, flip

BARE = ("straight", "strapless", "off-shoulder", "one-shoulder")
"""Necklines without two covered shoulders."""


def half_edge(body: Body, neckline: str) -> Points:
    """The right half of the edge, from the middle of the front outwards to where the shoulder or armhole begins."""
    if neckline == "tight":  # hidden by a collar or neck
        return bezier((0, NECK + 40), (20, NECK + 38), (body.neck + 5, NECK + 20), on_slope(body, body.neck + 8))
    if neckline == "cowl":
        return bezier((0, NECK + 112), (30, NECK + 104), (58, NECK + 60), on_slope(body, 62))
    if neckline == "round":
        return bezier((0, NECK + 50), (28, NECK + 50), (45, NECK + 34), on_slope(body, 46))
    if neckline == "v":
        return bow((0, 268), on_slope(body, 45), -3)
    if neckline == "deep-v":
        return bow((0, 346), on_slope(body, 50), -7)
    if neckline == "square":
        return [(0, 250), (52, 250), on_slope(body, 56)]
    if neckline == "sweetheart":
        heart = bezier((0, 270), (3, 246), (16, 228), (34, 227), 8)
        return [*heart, *bezier((34, 227), (50, 228), (61, 238), (62, 246), 6)[1:], on_slope(body, 64)]
    if neckline == "straight":
        return [(0, 242), (40, 241), (67, 238)]
    if neckline == "strapless":
        return [*bow((0, 262), (body.bust + 2, 250), 4)]
    if neckline == "off-shoulder":
        return [(0, 262), (50, 258), (body.bust + 3, 250)]
    return bezier((0, NECK + 44), (24, NECK + 44), (37, NECK + 26), on_slope(body, 38))


def on_slope(body: Body, x: float) -> Point:
    """The point of the shoulder line at distance x from the middle, a cloth's thickness above the skin."""
    return (x, body.slope(x) - 3)


def top_edge(body: Body, neckline: str) -> tuple[Points, Points]:
    """The right half of the edge and the left half (already on the left), both from the middle outwards."""
    if neckline == "one-shoulder":
        start, end = (-body.bust - 2, 258.0), on_slope(body, 36)
        line = bezier(start, (-40, 256), (18, 236), end, 16)
        middle = min(range(len(line)), key=lambda i: abs(line[i][0]))
        return line[middle:], line[: middle + 1][::-1]
    half = half_edge(body, neckline)
    return half, flip(half)


def armhole(body: Body, start: Point, sleeveless: bool, ease: float) -> Points:
    """From the end of the neckline's shoulder (or top edge) round the arm to the armpit, on the right."""
    pit = (body.bust + ease, ARMPIT + 2.0)
    if start[1] > 225:  # the edge ends below the shoulder
        return bow(start, pit, -3)
    x = body.shoulder - 15 if sleeveless else body.shoulder + 5
    x = max(x, start[0] + 15)
    tip = on_slope(body, x)
    # Cut inwards over the chest, as a set-in sleeve is.
    inner = min(x, body.bust) - (9 if sleeveless else 4)
    return [tip, *bezier(tip, (inner, 222), (inner - 2, 254), pit, 10)[1:]]


def mark_opening(canvas: Canvas, body: Body, right: Points, left: Points) -> None:
    """The zone that decides the neckline: bare skin (or inner side) inside the edge, and a band along it."""
    edge = [*left[::-1], *right[1:]]
    top = body.slope(body.neck) - 8
    inner = [(body.neck, top), (-body.neck, top)]
    if edge[-1][1] > 225 or edge[0][1] > 225:  # shoulders are bare: the zone ends at a line across the collar bones
        inner = [(body.shoulder - 8, 206), (body.neck, top), (-body.neck, top), (8 - body.shoulder, 206)]
    canvas.zone("neckline_design", [*edge, *inner])
    canvas.zone("neckline_design", edge, 18, closed=False)
