"""What turns the flat drawing into a photograph: rounding, weave, light, shadow, dark corners, grain."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

WEAVES = ("twill", "plain", "rib", "smooth")
_STEPS = 64

# Across a piece, from its lit side to the other: (place, shade, shine). Shade takes brightness away, shine adds white.
_CURVES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "": ((0, 0, 0), (1, 0, 0)),
    "cloth": ((0, 0.16, 0), (0.14, 0, 0), (0.32, 0, 0.17), (0.6, 0, 0), (1, 0.3, 0)),
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
    """A random light. dark: the cloth is black and hides its weave. lying: the garment throws a shadow."""
    return Light(
        side=side,
        lit=rng.uniform(0.01, 0.045),
        slope=rng.uniform(0.0, 0.6),
        corners=rng.uniform(0.03, 0.15),
        ground=rng.uniform(0.02, 0.26),
        shadow=rng.uniform(0.35, 0.6) if lying else 0.0,
        grain=rng.choice((0, 2, 3, 4, 5)),
        warm=rng.choice(((1.0, 0.985, 0.96), (1.0, 1.0, 1.0), (0.97, 0.985, 1.0))),
        weave=weave,
        # Faint enough not to be taken for a print.
        weave_strength=0.0 if dark else -{"rib": 0.11, "twill": 0.10}.get(weave, 0.06),
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


def apply(pixels: Image.Image, flat: Flat, light: Light) -> Image.Image:
    """The lit picture, from the RGB drawing `pixels` of the flat drawing's size.

    Whatever darkens is one factor of at most 1 a pixel, whatever brightens is added; both are applied in eight bits.
    """
    size = pixels.width
    across, down, radius = _fields(size)
    ground = flat.numbers == 0
    gain, shine = _rounding(flat, light.side)
    gain += (across * light.side - 1 - (down + 1) * light.slope) * np.float32(light.lit)
    gain -= radius * np.float32(light.corners) + (down + radius) * (ground * np.float32(light.ground * 0.5))
    if light.shadow:
        gain -= _shadow(flat.solid, light) * ground
    if light.weave != "smooth":
        gain += _weave(light.weave, size) * (flat.cloth * np.float32(light.weave_strength))
    if light.grain:
        noise = np.random.default_rng(light.seed).integers(-light.grain, light.grain + 1, (size, size), dtype=np.int8)
        shine += noise + np.int8(light.grain)
    gain *= np.float32(255)
    channels = [_bytes(gain * np.float32(min(share, 1.0))) for share in light.warm]
    return ImageChops.add(
        ImageChops.multiply(pixels, Image.merge("RGB", channels)), Image.merge("RGB", [_bytes(shine)] * 3)
    )


def _bytes(values: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


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
