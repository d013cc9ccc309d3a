"""Weights and inputs that a case describes by rule: each tensor is a function of its name, shape and salt alone."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from lapel.errors import InputError

LIMIT, INPUT_LIMIT, STATE_LIMIT = 2**26, 2**24, 2**28
"""No weight, no input and no state dict of a case has more numbers; a tampered shape must not fill the memory."""


def weight(name: str, shape: list[int], dtype: str, salt: str = "", scale: float = 1.0) -> Tensor:
    """One tensor of a checkpoint. Values are drawn in float32 and cast to `dtype` at the end.

    running_var: rand / 2 + 0.75. running_mean: randn / 20. bias: randn / 50. num_batches_tracked: 0.
    Two or more axes: randn / sqrt(product of all but the first). Other vectors: rand / 2 + 0.75. All times `scale`.
    """
    _check_shape(name, shape)
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    source = torch.Generator().manual_seed(zlib.crc32(f"{salt}{name}".encode()))
    if name.endswith("running_mean"):
        drawn = torch.randn(shape, generator=source) * 0.05
    elif name.endswith("bias") and not name.endswith("running_var"):
        drawn = torch.randn(shape, generator=source) * 0.02
    elif len(shape) >= 2 and not name.endswith("running_var"):
        drawn = torch.randn(shape, generator=source) / math.sqrt(math.prod(shape[1:]))
    else:
        drawn = torch.rand(shape, generator=source) * 0.5 + 0.75
    return (drawn * float(scale) if scale != 1.0 else drawn).to(_dtype(dtype))


def state(rows: list[Any], fill: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict of a case: `rows` of [name, shape, dtype], `fill` with salt, scale by ending, and alias."""
    scale: Mapping[str, float] = fill.get("scale") or {}
    alias: Mapping[str, str] = fill.get("alias") or {}
    made: dict[str, Tensor] = {}
    for name, shape, *_ in rows:
        _check_shape(name, shape)
    if sum(math.prod(row[1]) for row in rows) > STATE_LIMIT:
        raise InputError(f"The case's weights have more than {STATE_LIMIT} numbers, which no case here has.")
    for name, shape, *dtype in rows:
        source = alias.get(name, name)
        endings = [ending for ending in scale if source.endswith(ending)]
        factor = scale[max(endings, key=len)] if endings else 1.0
        made[name] = weight(source, shape, dtype[0] if dtype else "float32", fill.get("salt", ""), factor)
    return made


def tensor(spec: Mapping[str, Any]) -> Tensor:
    """An input of a case: `randn`, `blocks` (randn on a grid of squares), `randint` or `values`."""
    kind = spec["kind"]
    if kind == "values":
        return torch.tensor(spec["values"], dtype=_dtype(spec.get("dtype", "int64")))
    shape = list(spec["shape"])
    _check_shape("input", shape, INPUT_LIMIT)
    source = torch.Generator().manual_seed(int(spec["seed"]))
    if kind == "randint":
        return torch.randint(spec["low"], spec["high"], shape, generator=source)
    dtype = _dtype(spec.get("dtype", "float32"))
    if kind == "randn":
        return torch.randn(shape, generator=source).to(dtype)
    if kind == "blocks":
        *head, height, width = shape
        side = int(spec["block"])
        coarse = torch.randn((*head, math.ceil(height / side), math.ceil(width / side)), generator=source)
        fine = coarse.repeat_interleave(side, dim=-2).repeat_interleave(side, dim=-1)
        return fine[..., :height, :width].contiguous().to(dtype)
    raise InputError(f"The case has an input of unknown kind '{kind}'.")


def picture(spec: Mapping[str, Any]) -> Image.Image:
    """An input of kind `image`: an RGB picture of squares in random colours."""
    height, width, side = (int(spec[key]) for key in ("height", "width", "block"))
    _check_shape("image", [height, width, 3], INPUT_LIMIT)
    source = torch.Generator().manual_seed(int(spec["seed"]))
    colors = torch.randint(0, 256, (math.ceil(height / side), math.ceil(width / side), 3), generator=source)
    fine = colors.repeat_interleave(side, 0).repeat_interleave(side, 1)[:height, :width]
    return Image.fromarray(fine.to(torch.uint8).numpy())


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, str(name).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise InputError(f"The case names an unknown type '{name}'.")
    return found


def _check_shape(name: str, shape: list[int], limit: int = LIMIT) -> None:
    if any(not isinstance(n, int) or n < 0 for n in shape) or math.prod(shape) > limit:
        raise InputError(f"The case gives '{name}' the shape {shape}, which no tensor can have here.")
