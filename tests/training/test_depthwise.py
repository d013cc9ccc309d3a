"""The faster backward of depthwise convolutions gives the gradients of float32, where it is taken and where not."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lapel.training import depthwise
from lapel.training.depthwise import faster_depthwise

CPU = torch.device("cpu")


@pytest.mark.parametrize(("kernel", "stride"), list(product((3, 5), (1, 2))))
@pytest.mark.parametrize("wants_input", [True, False])
def test_gradients_are_those_of_float32(kernel: int, stride: int, wants_input: bool) -> None:
    torch.manual_seed(kernel)
    # halves and small whole numbers, exact in bfloat16: what differs then is the arithmetic alone
    x = torch.randint(-4, 5, (2, 8, 9, 7)).float().requires_grad_(wants_input)
    w = (torch.randint(-4, 5, (8, 1, kernel, kernel)).float() / 4).requires_grad_()
    weights = torch.randint(-3, 4, F.conv2d(x, w, None, stride, kernel // 2, 1, 8).shape).float()
    (F.conv2d(x, w, None, stride, kernel // 2, 1, 8) * weights).sum().backward()
    wanted = [None if t.grad is None else t.grad.clone() for t in (x, w)]
    x.grad = w.grad = None
    with torch.autocast("cpu", torch.bfloat16), faster_depthwise(CPU):
        y = F.conv2d(x, w, None, stride, kernel // 2, 1, 8)
    assert y.dtype == torch.bfloat16
    (y.float() * weights).sum().backward()
    for found, right in zip((x.grad, w.grad), wanted, strict=True):
        if right is None:
            assert found is None
            continue
        assert found is not None and found.dtype == torch.float32
        torch.testing.assert_close(found, right, atol=0.5, rtol=2**-7)


def test_the_plain_way_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other convolutions, other precisions, and passes without gradient go the ordinary way."""

    def never(*given: object) -> None:
        raise AssertionError("taken")

    monkeypatch.setattr(depthwise._Depthwise, "apply", never)
    x = torch.randn(1, 8, 8, 8)
    wide, thin = nn.Conv2d(8, 8, 5, padding=2), nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    strided = nn.Conv2d(8, 8, 5, 2, padding=2, groups=8, bias=False)
    with faster_depthwise(CPU):
        strided(x).sum().backward()
        with torch.autocast("cpu", torch.bfloat16):
            wide(x).float().sum().backward()
            thin(x).float().sum().backward()
            with torch.no_grad():
                strided(x)
        with torch.autocast("cpu", torch.bfloat16), pytest.raises(AssertionError, match="taken"):
            strided(x)
