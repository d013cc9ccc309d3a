"""Depthwise convolutions in bfloat16 on a CPU, with a backward pass that is not slower than in float32.

PyTorch's bfloat16 kernels are fast forward but, in two cases that EfficientNets are full of, slow backward: the
gradient of the input at stride 2, and the gradient of 5 x 5 weights. There the gradients are computed in float32, from
the same bfloat16 numbers: 2 to 130 times faster, and more exact. See `benchmarks/depthwise.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


def faster_depthwise(device: torch.device) -> AbstractContextManager[Any]:
    """Forward passes inside it get the faster backward, where there is one: on a CPU, under bfloat16 autocast."""
    return _FasterDepthwise() if device.type == "cpu" else nullcontext()


class _FasterDepthwise(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is F.conv2d and (plain := _depthwise(*args, **(kwargs or {}))):
            return _Depthwise.apply(*plain)
        return func(*args, **(kwargs or {}))


def _depthwise(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Tensor, Tensor, list[int], list[int]] | None:
    """What `_Depthwise` takes, of a call of `conv2d` that it is for; else None."""
    if groups == 1 or groups != input.shape[1] or weight.shape[0] != groups or bias is not None:
        return None
    if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.bfloat16:
        return None
    steps, edges = _pair(stride), _pair(padding)
    if steps is None or edges is None or _pair(dilation) != [1, 1] or not torch.is_grad_enabled():
        return None
    slow = (weight.requires_grad and weight.shape[-1] > 3) or (input.requires_grad and max(steps) > 1)
    return (input, weight, steps, edges) if slow else None


def _pair(given: Any) -> list[int] | None:
    """Two whole numbers of one or two; None of anything else, such as "same"."""
    if isinstance(given, int):
        return [given, given]
    return list(given) if isinstance(given, (tuple, list)) and len(given) == 2 else None


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
        ctx.kinds, ctx.stride, ctx.padding = (input.dtype, weight.dtype), stride, padding
        with torch.autocast("cpu", enabled=False):
            x, w = input.bfloat16(), weight.bfloat16()
            ctx.save_for_backward(x, w)
            return F.conv2d(x, w, None, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, w = ctx.saved_tensors
        slow = max(ctx.stride) > 1, w.shape[-1] > 3
        found: list[Tensor | None] = [None, None]
        for exact in (True, False):
            wanted = [needed and is_slow == exact for needed, is_slow in zip(ctx.needs_input_grad, slow, strict=False)]
            if any(wanted):
                kept = [part.float() if exact else part for part in (grads[0], x, w)]
                given = torch.ops.aten.convolution_backward(
                    *kept, None, ctx.stride, ctx.padding, [1, 1], False, [0, 0], x.shape[1], [*wanted, False]
                )
                for at in (0, 1):
                    found[at] = given[at].to(ctx.kinds[at]) if wanted[at] else found[at]
        return found[0], found[1], None, None
