"""What turns the flat drawing into a photograph: rounding, weave, light, shadow, dark corners, grain."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageFilter

WEAVES = ("twill", "plain", "rib", "smooth")
_STEPS = 64

# Across a piece, from its lit side to the other: (place, shade, shine). Shade takes brightness away, shine adds white.
_CURVES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "": ((0, 0, 0), (1, 0, 0)),
    "cloth": ((0, 0.16, 0), (0.14, 0, 0), (0.32, 0, 0.17), (0.55, 0, 0), (1, 0.34, 0)),
    "dark": ((0, 0.16, 0), (0.14, 0, 0), (0.32, 0, 0.13), (0.55, 0, 0), (1, 0.45, 0)),
    "skin": ((0, 0.2, 0), (0.2, 0, 0), (0.34, 0, 0.07), (0.6, 0, 0), (1, 0.32, 0)),
}
PROFILES = tuple(_CURVES)


@dataclass(frozen=True)
class Light:
    """side: where the light comes from, -1 left, +1 right. The rest are strengths, as shares of full brightness.

    shadow: of a garment that lies or hangs, on what is behind it.
    """

    side: int
    lit: float
    slope: float
    corners: float
    ground: float
    shadow: float
    grain: int
    warm: tuple[float, float, float]
    weave: str
    weave_strength: float
    seed: int


def make_light(rng: Random, side: int, weave: str, dark: bool, lying: bool) -> Light:
    """A random light. dark: the cloth is black, so its weave must shine. lying: the garment throws a shadow."""
    return Light(
        side=side,
        lit=rng.uniform(0.02, 0.10),
        slope=rng.uniform(0.0, 0.6),
        corners=rng.uniform(0.04, 0.2),
        ground=rng.uniform(0.05, 0.35),
        shadow=rng.uniform(0.35, 0.6) if lying else 0.0,
        grain=rng.choice((0, 2, 3, 4, 5)),
        warm=rng.choice(((1.015, 1.0, 0.975), (1.0, 1.0, 1.0), (0.985, 1.0, 1.015))),
        weave=weave,
        weave_strength=0.5 if dark else -0.08 if weave == "knit" else -0.14,
        seed=rng.getrandbits(32),
    )


@dataclass(frozen=True)
class Flat:
    """The flat drawing, ready for the light. All arrays but the tables are (S, S).

    numbers: each pixel's piece. cloth: where the weave shows. solid: what throws a shadow.
    axes: (P, 3) float32, in pixels. profiles: (P,) index into PROFILES.
    """

    numbers: NDArray[np.uint8]
    cloth: NDArray[np.bool_]
    solid: NDArray[np.bool_]
    axes: NDArray[np.float32]
    profiles: NDArray[np.intp]


def apply(pixels: NDArray[np.uint8], flat: Flat, light: Light) -> NDArray[np.uint8]:
    """The lit picture, (S, S, 3), from the drawing `pixels` of the same shape."""
    size = pixels.shape[0]
    across, down, radius = _fields(size)
    ground = flat.numbers == 0
    gain, shine = _rounding(flat, light.side)
    gain += (across * light.side - down * light.slope) * light.lit
    gain -= radius * light.corners + (down * 0.5 + radius * 0.5) * (light.ground * ground)
    if light.shadow:
        gain -= _shadow(flat.solid, light) * ground
    if light.weave != "smooth":
        gain += _weave(light.weave, size) * (light.weave_strength * flat.cloth)
    if light.grain:
        noise = np.random.default_rng(light.seed).integers(-light.grain, light.grain + 1, (size, size), dtype=np.int8)
        shine += noise
    lit = pixels * gain[..., None]
    lit *= np.asarray(light.warm, dtype=np.float32)
    lit += shine[..., None]
    np.clip(lit, 0, 255, out=lit)
    found: NDArray[np.uint8] = lit.astype(np.uint8)
    return found


def _rounding(flat: Flat, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gain (about 1) and added white (0..255) of every pixel, from its place across its piece."""
    size = flat.numbers.shape[0]
    place = np.arange(size, dtype=np.float32)
    a, b, c = (np.take(flat.axes[:, i], flat.numbers, mode="clip") for i in range(3))
    a *= place
    b *= place[:, None]
    a += b
    a += c
    a *= _STEPS - 1
    np.clip(a, 0, _STEPS - 1, out=a)
    at = a.astype(np.intp)
    at += np.take(flat.profiles * _STEPS, flat.numbers, mode="clip")
    gain, shine = _tables(side)
    return np.take(gain, at, mode="clip"), np.take(shine, at, mode="clip")


@lru_cache(maxsize=2)
def _tables(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(profiles * steps,) each: the curves, sampled, for light from `side`."""
    places = np.linspace(0, 1, _STEPS)
    gains, shines = [], []
    for curve in _CURVES.values():
        at, shade, shine = (np.array(column) for column in zip(*curve, strict=True))
        across = places if side < 0 else places[::-1]
        white = np.interp(across, at, shine)
        gains.append(1 - np.interp(across, at, shade) - white)
        shines.append(white * 255)
    return np.concatenate(gains).astype(np.float32), np.concatenate(shines).astype(np.float32)


def _shadow(solid: NDArray[np.bool_], light: Light) -> NDArray[np.float32]:
    """(S, S): the soft shadow of `solid`, shifted away from the light."""
    size = solid.shape[0]
    shift = max(size // 40, 1)
    moved = np.zeros((size, size), dtype=np.uint8)
    if light.side < 0:
        moved[shift:, shift:] = solid[:-shift, :-shift]
    else:
        moved[shift:, :-shift] = solid[:-shift, shift:]
    soft = Image.fromarray(moved * np.uint8(255)).filter(ImageFilter.BoxBlur(size / 80))
    return np.asarray(soft).astype(np.float32) * np.float32(light.shadow / 255)


@lru_cache(maxsize=4)
def _fields(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(S, S) each: -1..1 from left to right, -1..1 from top to bottom, and 0 in the middle to 1 in the corners."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    across, down = np.meshgrid(line, line)
    radius = np.clip((across * across + down * down) - 0.5, 0, None) / np.float32(1.5)
    return across, down, radius.astype(np.float32)


@lru_cache(maxsize=16)
def _weave(kind: str, size: int) -> NDArray[np.float32]:
    """(S, S) in 0..1: where the threads of a weave lie, drawn once a process."""
    step = {"knit": 5, "twill": 3, "plain": 3, "rib": 4}[kind]
    lines = []
    for at in range(-256, 512, step):
        if kind == "twill":
            lines.append(f"M{at} 256L{at + 256} 0")
        if kind in ("plain", "rib"):
            lines.append(f"M{at} 0V256")
        if kind == "plain":
            lines.append(f"M0 {at}H256")
        if kind == "knit":
            lines.append(f"M0 {at}{'l2 2.4l2 -2.4' * 64}")
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 256 256">'
        f'<rect width="256" height="256" fill="#000"/><path d="{"".join(lines)}" fill="none" stroke="#fff"'
        f' stroke-width="{1.6 if kind == "knit" else 1.2}"/></svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(np.float32) / np.float32(255)
