"""What stands behind a worn garment: rooms, shelves, plants, streets, rails of clothes, plain studios."""

from __future__ import annotations

import math
from random import Random

from lapel.synth.canvas import RGB, Canvas, hexa, mix
from lapel.synth.shapes import write

WALLS: tuple[RGB, ...] = (
    (226, 222, 214),
    (196, 200, 204),
    (150, 158, 162),
    (212, 196, 176),
    (180, 196, 186),
    (176, 188, 208),
    (218, 190, 186),
    (98, 106, 118),
    (122, 108, 98),
    (240, 238, 234),
)
_THINGS: tuple[RGB, ...] = (
    (178, 96, 70),
    (94, 120, 96),
    (84, 104, 140),
    (214, 178, 112),
    (120, 84, 66),
    (206, 202, 192),
    (70, 72, 80),
    (160, 120, 150),
)


def rect(x: float, y: float, w: float, h: float, fill: str, more: str = "") -> str:
    """A rectangle in the camera's units, without soft edges unless it is turned or rounded."""
    crisp = "" if "transform" in more or "rx" in more else ' shape-rendering="crispEdges"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{fill}"{crisp} {more}/>'


def wall_color(rng: Random, garment: RGB) -> RGB:
    """A wall that the garment stands out from."""
    apart = [c for c in WALLS if math.dist(c, garment) > 95]
    return rng.choice(apart)


def draw_backdrop(canvas: Canvas, rng: Random, garment: RGB, floor: float) -> None:
    """A random backdrop. floor: the height in the frame (0..256) on which the feet stand; below 256 it is seen."""
    wall = wall_color(rng, garment)
    base = min(floor - rng.uniform(8, 22), 262.0)
    kind = rng.choice(("studio", "gradient", "room", "room", "shelf", "plants", "street", "street", "rail"))
    _ground(canvas, wall, base, kind)
    draw = {"room": _room, "shelf": _shelf, "plants": _plants, "street": _street, "rail": _rail}.get(kind)
    if draw is not None:
        draw(canvas, rng, wall, base)


def _ground(canvas: Canvas, wall: RGB, base: float, kind: str) -> None:
    """Wall and floor; the light's fall-off makes gradients of them later."""
    canvas.backdrop.append(rect(0, 0, 256, 256, hexa(wall)))
    if kind == "gradient":
        for i in range(12):  # broad steps that the grain blends
            canvas.backdrop.append(rect(0, i * 22, 256, 23, hexa(mix(wall, (34, 30, 44), 0.03 * i))))
    elif kind != "studio":
        ground = hexa(mix(wall, (80, 66, 58), 0.42))
        canvas.backdrop.append(rect(0, base, 256, 256, ground))
        canvas.backdrop.append(rect(0, base - 5, 256, 5, hexa(mix(wall, (255, 255, 255), 0.4))))


def _thing(rng: Random, wall: RGB) -> str:
    """A colour of some thing, drawn towards the wall's: a haze keeps the clutter behind the person, as a lens would."""
    return hexa(mix(rng.choice(_THINGS), wall, 0.4))


def _room(canvas: Canvas, rng: Random, wall: RGB, base: float) -> None:
    out = canvas.backdrop
    line = hexa(mix(wall, (40, 34, 34), 0.55))
    for x in (rng.uniform(2, 40), rng.uniform(170, 214)):
        w, h, y = rng.uniform(34, 60), rng.uniform(40, 74), rng.uniform(8, 60)
        if rng.random() < 0.4:  # a window
            out.append(rect(x, y, w, h * 1.4, "#dcebf2", f'stroke="{line}" stroke-width="3"'))
            out.append(rect(x + w / 2 - 1, y, 2, h * 1.4, line) + rect(x, y + h * 0.7, w, 2, line))
        else:  # a picture
            out.append(rect(x, y, w, h, "#f4f0e8", f'stroke="{line}" stroke-width="3"'))
            out.append(rect(x + 7, y + 7, w - 14, h - 14, _thing(rng, wall)))
            out.append(
                f'<circle cx="{x + w / 2:.1f}" cy="{y + h / 2:.1f}" r="{w * 0.22:.1f}" fill="{_thing(rng, wall)}"/>'
            )
    x, w = rng.choice((-30.0, 150.0)), rng.uniform(100, 140)
    sofa, dark = mix(rng.choice(_THINGS), wall, 0.35), (30.0, 26.0, 28.0)
    out.append(rect(x, base - 74, w, 60, hexa(sofa), 'rx="12"'))
    out.append(rect(x - 8, base - 46, w + 16, 40, hexa(mix(sofa, dark, 0.18)), 'rx="10"'))
    out.append(
        rect(x + w * 0.2, base - 66, 34, 30, _thing(rng, wall), f'rx="6" transform="rotate(9 {x:.0f} {base:.0f})"')
    )
    lamp = rng.uniform(14, 242)
    out.append(rect(lamp - 1.5, base - 128, 3, 128, line))
    out.append(f'<path d="M{lamp - 18:.1f} {base - 120:.1f}h36l-9 -32h-18z" fill="#f6e6c0"/>')


def _shelf(canvas: Canvas, rng: Random, wall: RGB, base: float) -> None:
    out = canvas.backdrop
    board = hexa(mix(wall, (92, 62, 42), 0.6))
    for y in range(36, int(base), 58):
        x = rng.uniform(-6, 8)
        while x < 256:
            w, h = rng.uniform(6, 15), rng.uniform(24, 48)
            if rng.random() < 0.16:
                out.append(f'<circle cx="{x + 12:.1f}" cy="{y - 11}" r="11" fill="{_thing(rng, wall)}"/>')
                x += 26
                continue
            out.append(rect(x, y - h, w, h, _thing(rng, wall)))
            x += w + (rng.uniform(4, 26) if rng.random() < 0.2 else 0.8)
        out.append(rect(0, y, 256, 5, board))


def _plants(canvas: Canvas, rng: Random, wall: RGB, base: float) -> None:
    for x in (rng.uniform(4, 44), rng.uniform(208, 250), rng.uniform(40, 214)):
        y, reach = base + rng.uniform(-16, 2), rng.uniform(70, 150)
        pot = hexa(mix((178, 98, 66), wall, rng.uniform(0.2, 0.5)))
        for _ in range(9):
            angle = math.radians(rng.uniform(-72, 72))
            tip = (x + reach * math.sin(angle), y - 30 - reach * math.cos(angle))
            green = hexa(mix((50, 112, 66), wall, rng.uniform(0.15, 0.55)))
            wide = rng.uniform(7, 12)
            middle = ((x + tip[0]) / 2, (y - 30 + tip[1]) / 2)
            side = (math.cos(angle) * wide, math.sin(angle) * wide)
            one, other = (middle[0] + side[0], middle[1] + side[1]), (middle[0] - side[0], middle[1] - side[1])
            canvas.backdrop.append(
                f'<path d="M{x:.1f} {y - 28:.1f}Q{one[0]:.1f} {one[1]:.1f} {tip[0]:.1f} {tip[1]:.1f}'
                f'Q{other[0]:.1f} {other[1]:.1f} {x:.1f} {y - 28:.1f}" fill="{green}"/>'
            )
        canvas.backdrop.append(
            f'<path d="{write([(x - 19, y - 32), (x + 19, y - 32), (x + 13, y), (x - 13, y)])}" fill="{pot}"/>'
        )


def _street(canvas: Canvas, rng: Random, wall: RGB, base: float) -> None:
    out = canvas.backdrop
    x = -rng.uniform(0, 30)
    while x < 256:
        w, top = rng.uniform(46, 84), rng.uniform(-20, 70)
        front = mix(rng.choice(_THINGS), wall, 0.6)
        out.append(rect(x, top, w, base - top, hexa(front)))
        pane, frame = hexa(mix(front, (220, 232, 240), 0.6)), hexa(mix(front, (40, 38, 44), 0.45))
        for row in range(int((base - top - 56) // 34)):
            for col in range(3):
                cell = w / 3.4
                out.append(
                    rect(x + w * 0.08 + col * cell, top + 12 + row * 34, cell * 0.66, 20, pane, f'stroke="{frame}"')
                )
        out.append(rect(x + w * 0.12, base - 40, w * 0.5, 40, hexa(mix(front, (30, 34, 44), 0.55))))
        stripe = "".join(rect(x + w * (0.06 + 0.16 * i), base - 50, w * 0.08, 12, "#efe9dc") for i in range(4))
        out.append(rect(x + w * 0.06, base - 50, w * 0.64, 12, _thing(rng, wall)) + stripe)
        x += w + rng.choice((0, 0, 9))
    out.append(rect(0, base, 256, 256, "#8d8b8a") + rect(0, base, 256, 4, "#c8c4bc"))


def _rail(canvas: Canvas, rng: Random, wall: RGB, base: float) -> None:
    """Other clothes on a rail."""
    out = canvas.backdrop
    y = rng.uniform(26, 60)
    out.append(rect(0, y, 256, 3.4, hexa(mix(wall, (40, 38, 40), 0.7))))
    x = rng.uniform(-6, 10)
    while x < 262:
        w, h = rng.uniform(22, 36), rng.uniform(80, 150)
        shape = [
            (x, y + 12),
            (x + w * 0.28, y + 24),
            (x + w * 0.4, y + h),
            (x - w * 0.4, y + h),
            (x - w * 0.28, y + 24),
        ]
        color = _thing(rng, wall)
        out.append(f'<path d="M{x:.1f} {y:.1f}v-5" stroke="#777" stroke-width="2"/>')
        out.append(f'<path d="{write(shape)}" fill="{color}" stroke="#00000055" stroke-width="1"/>')
        out.append(f'<path d="M{x:.1f} {y + 30:.1f}V{y + h:.1f}" stroke="#000" stroke-opacity=".16" stroke-width="3"/>')
        x += rng.uniform(15, 25)
