"""Distorted copies of a training photo: seen from a little aside, turned, or sheared; black where nothing is seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.training.recipe import Distortion

Corners = NDArray[np.int64]
Matrix = NDArray[np.float64]

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
MOST_DEGREES = 45.0
"""A rotation, and the turn and shear of an affine distortion, of scale 1."""


def distort(image: Image.Image, kind: Distortion, scale: float, rng: np.random.Generator) -> Image.Image:
    """A copy of the same size, drawn by `rng`.

    scale: 0 (unchanged) to 1. "perspective" is RandomPerspective's distortion scale, as published; a "rotation" is
    uniform within 45 degrees times scale to either side; "affine" turns and shears within 45 degrees times scale,
    shifts by up to a quarter of each side times scale, and zooms by up to half the scale. The last two are ours: the
    published code distorts by perspective alone.
    """
    width, height = image.size
    method = _FILTERS[kind.interpolation]
    if kind.kind == "perspective":
        found = perspective(width, height, draw_corners(width, height, scale, rng))
        return image.transform((width, height), Image.Transform.PERSPECTIVE, found.tolist(), method)
    if kind.kind == "rotation":
        matrix = affine(width, height, degrees=rng.uniform(-1, 1) * MOST_DEGREES * scale)
    else:
        matrix = affine(
            width,
            height,
            degrees=rng.uniform(-1, 1) * MOST_DEGREES * scale,
            shear=rng.uniform(-1, 1) * MOST_DEGREES * scale,
            zoom=1 + rng.uniform(-1, 1) * scale / 2,
            shift=(rng.uniform(-1, 1) * width * scale / 4, rng.uniform(-1, 1) * height * scale / 4),
        )
    return image.transform((width, height), Image.Transform.AFFINE, matrix.tolist(), method)


def draw_corners(width: int, height: int, scale: float, rng: np.random.Generator) -> Corners:
    """(4, 2) x, y: where top-left, top-right, bottom-right and bottom-left go; RandomPerspective's arithmetic.

    With hw = width // 2, hh = height // 2, each corner moves inwards by whole pixels, uniform from 0 to int(scale * hw)
    across and int(scale * hh) down, ends included.
    """
    across, down = int(scale * (width // 2)), int(scale * (height // 2))
    x, y = rng.integers(0, across + 1, 4), rng.integers(0, down + 1, 4)
    right, bottom = width - 1 - x, height - 1 - y
    return np.array([[x[0], y[0]], [right[1], y[1]], [right[2], bottom[2]], [x[3], bottom[3]]], np.int64)


def perspective(width: int, height: int, corners: Corners) -> Matrix:
    """Pillow's eight coefficients of the view that maps the picture's corners onto these.

    Pillow asks for each output pixel where it comes from: x' = (a x + b y + c) / (g x + h y + 1), and y' likewise.
    """
    edges = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(corners.astype(np.float64), edges, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solved = np.linalg.solve(np.array(rows), edges.reshape(-1))
    return solved.astype(np.float32).astype(np.float64)  # torchvision rounds them: the same pixels, to the last bit


def affine(
    width: int,
    height: int,
    degrees: float = 0.0,
    shear: float = 0.0,
    zoom: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Matrix:
    """Pillow's six coefficients of a turn (clockwise, in degrees), shear along x, zoom and shift about the centre."""
    turn, lean = math.radians(degrees), math.tan(math.radians(shear))
    rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    back = np.linalg.inv(zoom * rotate @ np.array([[1.0, lean], [0.0, 1.0]]))
    centre = np.array([width / 2, height / 2])
    offset = centre - back @ (centre + np.array(shift))
    return np.concatenate([np.column_stack([back, offset])[0], np.column_stack([back, offset])[1]])
