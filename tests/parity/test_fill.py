"""Weights and inputs by the rules: the same numbers as the golden folder's own script, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import math
import zlib
from pathlib import Path
from types import ModuleType

import pytest
import torch

from lapel.errors import InputError
from lapel.parity import fill


@pytest.fixture(scope="module")
def theirs(shared: Path) -> ModuleType:
    """The golden folder's own fill.py."""
    spec = importlib.util.spec_from_file_location("their_fill", shared / "golden" / "fill.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["asen_v1_embed", "asen_v2_train", "csn_learned", "asenpp_branches", "style_arc"])
def test_weights_are_those_of_the_golden_folder(name: str, theirs: ModuleType, shared: Path) -> None:
    case = json.loads((shared / "golden" / f"{name}.json").read_text())
    ours = fill.state(case["state"], case["fill"])
    for key, value in theirs.case_state(case).items():
        assert ours[key].dtype == value.dtype and torch.equal(ours[key], value), key


@pytest.mark.parametrize(
    "name", ["embed.running_var", "a.running_mean", "b.bias", "c.weight", "x.num_batches_tracked", "odd"]
)
@pytest.mark.parametrize("shape", [[], [3], [2, 3], [2, 3, 1, 1]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_rule_is_theirs_for_any_salt_and_scale(
    name: str, shape: list[int], dtype: str, theirs: ModuleType
) -> None:
    wanted = theirs.fill_tensor(name, shape, dtype, "salt-", 3.5)
    found = fill.weight(name, shape, dtype, "salt-", 3.5)
    assert found.dtype == wanted.dtype and torch.equal(found, wanted)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "randn", "seed": 4, "shape": [2, 3], "dtype": "float64"},
        {"kind": "blocks", "seed": 5, "shape": [1, 3, 7, 10], "block": 4},
        {"kind": "randint", "seed": 6, "shape": [5], "low": 2, "high": 9},
        {"kind": "values", "values": [[1, 2]]},
        {"kind": "values", "values": [0.5], "dtype": "float32"},
    ],
)
def test_inputs_are_those_of_the_golden_folder(spec: dict[str, object], theirs: ModuleType) -> None:
    wanted, found = theirs.make_input(spec), fill.tensor(spec)
    assert found.dtype == wanted.dtype and torch.equal(found, wanted)


def test_a_weight_is_a_function_of_salt_name_and_shape_as_stated() -> None:
    source = torch.Generator().manual_seed(zlib.crc32(b"sa.weight"))
    wanted = torch.randn(4, 2, 3, generator=source) / math.sqrt(6)
    assert torch.equal(fill.weight("a.weight", [4, 2, 3], "float32", "s"), wanted)


def test_the_longest_ending_scales_and_an_alias_repeats_another_tensor() -> None:
    rows = [["a.fc.weight", [2, 2]], ["b.fc.weight", [2, 2]], ["a.other", [2]]]
    how = {"scale": {"weight": 2.0, "a.fc.weight": 10.0}, "alias": {"b.fc.weight": "a.fc.weight"}}
    made = fill.state(rows, how)
    torch.testing.assert_close(made["a.fc.weight"], 10 * fill.weight("a.fc.weight", [2, 2], "float32"))
    assert torch.equal(made["a.fc.weight"], made["b.fc.weight"])
    assert torch.equal(made["a.other"], fill.weight("a.other", [2], "float32"))


def test_shapes_types_and_kinds_that_make_no_sense_are_refused() -> None:
    for shape in ([1 << 20, 1 << 20], [-1], [2.5], ["2"]):
        with pytest.raises(InputError, match="which no tensor can have here"):
            fill.weight("w", shape, "float32")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown type 'float33'"):
        fill.weight("w", [1], "float33")
    with pytest.raises(InputError, match="unknown kind 'noise'"):
        fill.tensor({"kind": "noise", "shape": [1], "seed": 0})
