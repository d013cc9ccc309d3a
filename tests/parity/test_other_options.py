"""Cases whose JSON overrides the published configuration: every override counts, expected numbers by plain loops."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.parity import asenpp, fill  # noqa: E402
from lapel.parity.cases import CaseError  # noqa: E402
from lapel.parity.options import input_of, overrides  # noqa: E402
from lapel.parity.running import run_case  # noqa: E402
from parity_cases import write_case  # noqa: E402


def passes(folder: Path, name: str) -> None:
    result = run_case(folder, name)
    assert result.status == "pass", result.reason


def configured(tree: str, stage: str, epochs: int | None, **options: Any) -> dict[str, Any]:
    """A recipe by configuration files; options without their SOLVER."""
    pairs = [part for name, value in options.items() for part in (f"SOLVER.{name}", value)]
    files = [f"config/D/{name}.yaml" for name in ("D", stage)]
    recipe = {"name": "r", "kind": "pp", "tree": tree, "config_files": files, "options": pairs}
    return recipe if epochs is None else recipe | {"epochs": epochs}


def cosine(lr: float, length: int, epochs: int) -> list[list[float]]:
    return [[1e-7 + (lr - 1e-7) * (1 + math.cos(math.pi * n / length)) / 2] for n in range(epochs)]


@pytest.mark.parametrize(
    ("recipe", "rates"),
    [
        (
            configured("asenpp", "s1", 5, BASE_LR="3e-4", STEP_SIZE=2, DECAY_RATE=0.5),
            [[3e-4 * 0.5 ** (n // 2)] for n in range(5)],
        ),
        (
            configured("asenpp", "s2", 3, BASE_LR=2e-4, BASE_LR_SLOW=5e-6, DECAY_RATE=0.8),
            [[lr * 0.8**n for lr in (2e-4, 2e-4, 5e-6)] for n in range(3)],
        ),
        (configured("asenpp", "s2", None, EPOCHS=2), [[lr * 0.9**n for lr in (1e-4, 1e-4, 1e-5)] for n in range(2)]),
        (configured("style_release", "s1", None, EPOCHS=7, BASE_LR=1e-3), cosine(1e-3, 7, 7)),
        (configured("style_release", "s1", 60), cosine(1e-4, 50, 60)),
        (
            configured("style_release", "s1", 12, TYPE="StepLR", DECAY_RATE=0.7),
            [[1e-4 * 0.7 ** (n // 5)] for n in range(12)],
        ),
        (configured("style_v1", "s1", 4, STEP_SIZE=1), [[1e-4 * 0.9**n] for n in range(4)]),
    ],
)
def test_a_schedule_follows_its_overrides(tmp_path: Path, recipe: dict[str, Any], rates: list[list[float]]) -> None:
    write_case(tmp_path, "s", {"runner": "schedules", "dtype": "float64", "recipes": [recipe]}, {"r": np.array(rates)})
    passes(tmp_path, "s")


def test_a_cosine_beyond_its_end_is_pytorchs() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight], lr=1e-4)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50, eta_min=1e-7)
    found = []
    for _ in range(60):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        plan.step()
    np.testing.assert_allclose(found, np.array(cosine(1e-4, 50, 60))[:, 0], rtol=1e-9)


def branch_losses(folder: Path, margin: float, weights: tuple[float, float, float], dim: int, batch: int) -> None:
    """ASEN++'s losses of any size; the cosines one by one."""
    names = ("gx", "gp", "gn", "lx", "lp", "ln")
    inputs: dict[str, Any] = {
        name: {"kind": "randn", "seed": 90 + at, "shape": [batch, dim], "dtype": "float32"}
        for at, name in enumerate(names)
    }
    mixes = {"mix_p": [0.5 * n - 1 for n in range(batch)], "mix_n": [1 - 0.3 * n for n in range(batch)]}
    inputs |= {name: {"kind": "values", "values": row, "dtype": "float32"} for name, row in mixes.items()}
    x = {name: fill.tensor(spec).double() for name, spec in inputs.items()}
    near, far = x["mix_p"][:, None], x["mix_n"][:, None]
    gx = x["gx"].clone().requires_grad_()
    whole = [gx, x["gx"] * near + x["gp"], x["gx"] * far + x["gn"]]
    local = [x["gx"] * 0.5 + x["lx"], x["gx"] * near + x["lp"], x["gx"] * far + x["ln"]]

    def cos(a: Any, b: Any, row: int) -> Any:
        return a[row] @ b[row] / a[row].norm() / b[row].norm()

    def ranking(roles: list[Any]) -> Any:
        terms = [margin - cos(roles[0], roles[1], b) + cos(roles[0], roles[2], b) for b in range(batch)]
        return sum(term.clamp(min=0) for term in terms) / batch

    held = sum(
        (1 - cos(a, b, row)).clamp(min=0) / batch for a, b in zip(whole, local, strict=True) for row in range(batch)
    )
    (gradient,) = torch.autograd.grad(held, gx)
    first, second, third = ranking(whole), ranking(local), held
    total = weights[0] * first + weights[1] * second + weights[2] * third
    found = {"global_triplet": first, "local_triplet": second, "align": third, "total": total}
    expected: dict[str, Any] = {key: value.detach().float().numpy() for key, value in found.items()}
    expected |= {"weights": np.array(weights), "gradient_gx_align": gradient.float().numpy()}
    named = zip(("GLOBAL_WEIGHT", "LOCAL_WEIGHT", "ALIGN_WEIGHT", "MARGIN"), (*weights, margin), strict=True)
    options = [part for name, value in named for part in (f"SOLVER.{name}", value)]
    write_case(
        folder, "losses", {"runner": "pp_losses", "inputs": inputs, "constructor": {"options": options}}, expected
    )


@pytest.mark.parametrize(("margin", "weights"), [(0.35, (0.7, 0.2, 0.4)), (0.0, (1.0, 1.0, 0.0))])
def test_other_margins_and_weights_of_two_branches(
    tmp_path: Path, margin: float, weights: tuple[float, float, float]
) -> None:
    branch_losses(tmp_path, margin, weights, dim=20, batch=5)
    passes(tmp_path, "losses")


def contrast(folder: Path, tau: float, alpha: float, margin: float, batch: int, dim: int) -> None:
    """E-InfoNCE row by row in float64, of another temperature and weight."""
    source = torch.Generator().manual_seed(4)
    given = {name: torch.randn(3 * batch, dim, generator=source) for name in ("region", "patch", "background")}
    attrs, near, far = ([n % 3 for n in range(batch)], [n % 2 for n in range(batch)], [2 + n % 2 for n in range(batch)])
    attributes, values = attrs * 3, [*near, *near, *far]
    rows = [given[name].double().requires_grad_() for name in ("region", "patch", "background")]
    r, p, b = (part / part.norm(dim=1, keepdim=True) for part in rows)
    count = 3 * batch
    losses = [torch.zeros((), dtype=torch.float64) for _ in range(4)]
    same = np.array(
        [[attributes[i] == attributes[j] and values[i] == values[j] for j in range(count)] for i in range(count)]
    )
    alike = np.array([[attributes[i] == attributes[j] for j in range(count)] for i in range(count)])
    for i in range(count):
        to = [torch.exp(r[i] @ p[j] / tau) for j in range(count)]
        back = alpha * sum(torch.exp(r[i] @ b[j] / tau) for j in range(count) if alike[i, j])
        own, itself = sum(to[j] for j in range(count) if same[i, j]), torch.exp(r[i] @ r[i])
        other = sum(to[j] for j in range(count) if not same[i, j])
        losses[0] = losses[0] + torch.log((sum(to) + back) / own) / count
        losses[1] = losses[1] + torch.log((own + back) / own) / count
        losses[2] = losses[2] + torch.log((itself + other + back) / itself) / count
        losses[3] = losses[3] + torch.log((itself + back) / itself) / count
    gradients = torch.autograd.grad(losses[0], rows)
    expected: dict[str, Any] = {f"loss_type{n + 1}": loss.detach().float().numpy() for n, loss in enumerate(losses)}
    for name, gradient in zip(given, gradients, strict=True):
        expected[f"grad_{name}"] = gradient[:, ::4].float().numpy()
    masks = {"same_value_mask": ~same, "other_value_mask": same, "attribute_mask": ~alike}
    expected |= {name: (mask * -10000).astype(np.float32) for name, mask in masks.items()}
    for name, part in (("region", r.detach()), ("patch", p.detach())):
        a, n, f = part.chunk(3)
        hinges = [max(0.0, float(margin - a[i] @ n[i] + a[i] @ f[i])) for i in range(batch)]
        expected[f"triplet_{name}"] = np.float32(sum(hinges) / batch)
    expected |= {f"input.{name}": value.numpy() for name, value in given.items()}
    inputs: dict[str, Any] = {name: {"kind": "npz", "key": f"input.{name}"} for name in given}
    for name, held in (("attrs", attrs), ("pos_values", near), ("neg_values", far)):
        inputs[name] = {"kind": "values", "values": held, "dtype": "int64"}
    options = ["SOLVER.TAU", tau, "SOLVER.ALPHA", alpha, "SOLVER.MARGIN", margin]
    made = {"yaml": ["D/D.yaml", "D/s2.yaml"], "opts": options}
    write_case(folder, "contrast", {"runner": "rpf.einfonce", "constructor": made, "inputs": inputs}, expected)


@pytest.mark.parametrize(("tau", "alpha", "margin"), [(0.2, 3.0, 0.5), (0.05, 48.0, 0.1)])
def test_another_temperature_weight_and_margin_of_rpf(tmp_path: Path, tau: float, alpha: float, margin: float) -> None:
    contrast(tmp_path, tau, alpha, margin, batch=4, dim=12)
    passes(tmp_path, "contrast")


def test_another_input_and_threshold_cut_other_squares(tmp_path: Path) -> None:
    """Rectangles by a plain loop over an enlarged map, for an input of 160 pixels."""
    side, threshold = 160, 0.55
    maps = torch.rand(2, 14, 14, generator=torch.Generator().manual_seed(8))
    photos = [
        {"seed": 1, "height": 160, "width": 160, "block": 20},
        {"seed": 2, "height": 320, "width": 320, "block": 20},
    ]
    large = torch.nn.functional.interpolate(maps[:, None], (side, side), mode="bilinear", align_corners=False)[:, 0]
    rects, boxes = [], []
    for at, whole in enumerate(large):
        grey = ((whole - whole.min()) / (whole.max() - whole.min()) * 255).to(torch.uint8)
        rows, columns = torch.nonzero(grey > math.floor(255 * threshold), as_tuple=True)
        x, y = int(columns.min()), int(rows.min())
        w, h = int(columns.max()) - x + 1, int(rows.max()) - y + 1
        rects.append([x, y, w, h])
        d, scale = max(w, h), photos[at]["height"] / side
        left, top = (
            side - d if start + length // 2 + d // 2 > side else max(0, start + length // 2 - d // 2)
            for start, length in ((x, w), (y, h))
        )
        x0, y0, long = (int(v * scale) for v in (left, top, d))
        boxes.append([x0, y0, x0 + long, y0 + long])
    crops = [{"threshold": threshold, "image": photo} for photo in photos]
    facts = {"runner": "pp_crops", "crops": crops, "constructor": {"options": ["INPUT.GLOBAL_SIZE", side]}}
    expected = {"maps": maps.numpy(), "rects": np.array(rects), "boxes": np.array(boxes)}
    write_case(tmp_path, "crops", facts, expected)
    passes(tmp_path, "crops")


def test_options_that_no_configuration_has_are_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"SOLVER\.LUCK"):
        overrides({"constructor": {"options": ["SOLVER.LUCK", 1]}})
    with pytest.raises(CaseError, match="names and values in turn"):
        overrides({"opts": ["SOLVER.TAU"]})
    found = overrides({"options": ["HEAD.m", 0.3], "constructor": {"opts": ["INPUT.GLOBAL_SIZE", 96]}})
    assert found == {"MODEL.HEAD.m": 0.3, "INPUT.GLOBAL_SIZE": 96}
    assert (input_of(found).height, input_of(found).short_side) == (96, 96)


def test_options_of_a_training_case_count() -> None:
    asked = asenpp.settings(2, {"SOLVER.BASE_LR": "3e-4", "INPUT.THRESHOLD": 0.4, "SOLVER.MARGIN": 0.3})
    assert (asked.optimiser.lr, asked.optimiser.slow_lr, asked.loss.margin) == (3e-4, 1e-5, 0.3)
