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
        of_input, of_weight = ctx.needs_input_grad[:2]
        if of_input and max(ctx.stride) == 1:  # this one is fast as it is
            into = _gradients(ctx, grads[0], x, w, (True, False))[0]
        else:
            into = _gradients(ctx, grads[0].float(), x.float(), w.float(), (of_input, False))[0]
        wide = w.shape[-1] > 3
        kept = (grads[0].float(), x.float(), w.float()) if wide else (grads[0], x, w)
        onto = _gradients(ctx, *kept, (False, of_weight))[1]
        kinds = ctx.kinds
        return into if into is None else into.to(kinds[0]), onto if onto is None else onto.to(kinds[1]), None, None


def _gradients(ctx: Any, grad: Tensor, x: Tensor, w: Tensor, wanted: tuple[bool, bool]) -> list[Tensor | None]:
    if not any(wanted):
        return [None, None]
    found: list[Tensor | None] = torch.ops.aten.convolution_backward(
        grad, x, w, None, ctx.stride, ctx.padding, [1, 1], False, [0, 0], x.shape[1], [*wanted, False]
    )
    return found
