"""What lies under a garment laid flat, and the small things beside it; or the hanger that it hangs on."""

from __future__ import annotations

import math
from random import Random

from lapel.synth.backdrops import rect, wall_color
from lapel.synth.body import NECK, WAIST, Body
from lapel.synth.canvas import RGB, Canvas, hexa, mix
from lapel.synth.motifs import flower
from lapel.synth.shapes import write

_WOODS: tuple[RGB, ...] = ((196, 164, 126), (136, 104, 78), (222, 208, 188), (92, 76, 66))


def draw_table(canvas: Canvas, rng: Random, garment: RGB) -> None:
    """Wood, tiles, a rug or a sheet of paper, with a few things along the edges."""
    kind = rng.choice(("wood", "tiles", "rug", "paper"))
    if kind == "wood" and (apart := [w for w in _WOODS if math.dist(w, garment) > 95]):
        _wood(canvas, rng, rng.choice(apart))
    elif kind == "tiles":
        _tiles(canvas, rng, wall_color(rng, garment))
    elif kind == "rug":
        _rug(canvas, rng, wall_color(rng, garment))
    else:
        _paper(canvas, rng, wall_color(rng, garment))
    for corner in rng.sample(((22, 26), (234, 26), (22, 230), (234, 230), (14, 128), (242, 128)), rng.randint(1, 4)):
        _thing(canvas, rng, corner[0] + rng.uniform(-8, 8), corner[1] + rng.uniform(-8, 8))


def _wood(canvas: Canvas, rng: Random, wood: RGB) -> None:
    out = canvas.backdrop
    for row in range(8):
        tone = hexa(mix(wood, (60, 40, 26), rng.uniform(0, 0.2)))
        out.append(rect(0, row * 32, 256, 32, tone))
        grain = hexa(mix(wood, (50, 32, 20), 0.4))
        for _ in range(3):
            y = row * 32 + rng.uniform(4, 28)
            out.append(
                f'<path d="M0 {y:.1f}Q64 {y + rng.uniform(-5, 5):.1f} 128 {y:.1f}T256 {y:.1f}" fill="none"'
                f' stroke="{grain}" stroke-opacity=".4" stroke-width=".8"/>'
            )
        out.append(rect(0, row * 32, 256, 1.4, hexa(mix(wood, (30, 18, 10), 0.6))))
        out.append(rect(rng.uniform(0, 250), row * 32, 1.4, 32, hexa(mix(wood, (30, 18, 10), 0.6))))


def _tiles(canvas: Canvas, rng: Random, wall: RGB) -> None:
    out = canvas.backdrop
    out.append(rect(0, 0, 256, 256, hexa(wall)))
    side = rng.uniform(34, 58)
    line = hexa(mix(wall, (40, 40, 44), 0.3))
    at = rng.uniform(-side, 0)
    while at < 256:
        out.append(rect(at, 0, 1.6, 256, line) + rect(0, at, 256, 1.6, line))
        at += side


def _rug(canvas: Canvas, rng: Random, wall: RGB) -> None:
    canvas.backdrop.append(rect(0, 0, 256, 256, hexa(wall)))
    tone = hexa(mix(wall, (40, 30, 30), 0.16))
    knots = "".join(f"M{x} {y}h5" for y in range(4, 256, 8) for x in range(y // 8 % 2 * 5, 256, 10))
    canvas.backdrop.append(f'<path d="{knots}" stroke="{tone}" stroke-width="2.6"/>')
    border = hexa(mix(wall, (120, 60, 50), 0.4))
    canvas.backdrop.append(rect(7, 7, 242, 242, "none", f'stroke="{border}" stroke-width="5"'))


def _paper(canvas: Canvas, rng: Random, wall: RGB) -> None:
    canvas.backdrop.append(rect(0, 0, 256, 256, hexa(wall)))
    tone = hexa(mix(wall, (255, 255, 255), 0.35))
    x = rng.uniform(60, 190)
    canvas.backdrop.append(
        f'<path d="{write([(x, 0), (256, 0), (256, 256), (x - 60, 256)])}" fill="{tone}" fill-opacity=".5"/>'
    )


def _thing(canvas: Canvas, rng: Random, x: float, y: float) -> None:
    """A cup, a flower, a leaf, a pair of glasses or a magazine."""
    out = canvas.backdrop
    kind = rng.choice(("cup", "flower", "leaf", "glasses", "book"))
    if kind == "cup":
        out.append(f'<circle cx="{x + 2:.1f}" cy="{y + 3:.1f}" r="17" fill="#000" fill-opacity=".2"/>')
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="16" fill="#f2efe9" stroke="#b9b4aa"/>')
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="#5a3a26"/>')
    elif kind == "flower":
        out.append(
            flower(x, y, 15, rng.choice(((236, 150, 170), (250, 250, 244), (220, 190, 90))), rng.uniform(0, 6), 6)
        )
    elif kind == "leaf":
        turn = rng.uniform(0, 360)
        out.append(
            f'<path d="M{x - 26:.1f} {y:.1f}q26 -22 52 0q-26 22 -52 0" fill="#4e7f58"'
            f' transform="rotate({turn:.0f} {x:.1f} {y:.1f})"/>'
        )
    elif kind == "glasses":
        out.append(f'<path d="M{x - 10:.1f} {y:.1f}h20" stroke="#241f1d" stroke-width="2.4"/>')
        for side in (-1, 1):
            out.append(f'<circle cx="{x + side * 11:.1f}" cy="{y:.1f}" r="8" fill="#3a3634" stroke="#241f1d"/>')
    else:
        turn = rng.uniform(-30, 30)
        cover = hexa(rng.choice(((214, 196, 170), (120, 140, 160), (188, 112, 96))))
        out.append(
            rect(x - 20, y - 26, 40, 52, cover, f'transform="rotate({turn:.0f} {x:.1f} {y:.1f})" stroke="#0004"')
        )


def draw_hanger(canvas: Canvas, body: Body, lower: bool) -> None:
    """A wooden hanger under the shoulders, or a bar with clips at the waist."""
    top = WAIST - 26 if lower else NECK - 16
    canvas.line([(0, top), (0, top - 26), (11, top - 36), (17, top - 48), (9, top - 60), (-5, top - 60)], "#6a6a6e", 5)
    if lower:
        canvas.line([(-body.waist, top), (body.waist, top)], "#8a5a34", 12)
        for x in (-body.waist + 16, body.waist - 16):
            canvas.line([(x, top - 3), (x, top + 20)], "#55555a", 11)
        return
    reach = body.shoulder - 12
    canvas.line([(-reach, body.slope(reach) + 10), (0, top), (reach, body.slope(reach) + 10)], "#8a5a34", 14)
    canvas.line([(-reach, body.slope(reach) + 7), (0, top - 3), (reach, body.slope(reach) + 7)], "#b98556", 4, 0.8)
