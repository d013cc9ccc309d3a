"""A tampered case fails with a reason; it never passes, never crashes, and never stops the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lapel.errors import InputError
from lapel.interfaces.cli.parity import command
from lapel.parity import running
from lapel.parity.running import run_case, run_cases
from parity_cases import embed_case, margin_case, masks_case, schedules_case, train_case

NAME = "margin_other"


def facts(folder: Path, name: str = NAME) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())  # type: ignore[no-any-return]


def change(folder: Path, name: str = NAME, **changes: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps(facts(folder, name) | changes))


def store(folder: Path, name: str = NAME, announce: bool = True, drop: str = "", **arrays: Any) -> None:
    """Replace arrays in the npz, and announce them as they now are unless told."""
    with np.load(folder / f"{name}.npz") as stored:
        kept = {key: stored[key] for key in stored.files} | {key: np.asarray(value) for key, value in arrays.items()}
    kept.pop(drop, None)
    np.savez(folder / f"{name}.npz", **kept)
    if announce:
        change(folder, name, arrays={k: {"shape": list(v.shape), "dtype": str(v.dtype)} for k, v in kept.items()})


def without(key: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        left = {k: v for k, v in facts(folder).items() if k != key}
        (folder / f"{NAME}.json").write_text(json.dumps(left))

    return apply


TAMPERED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "wrong number": (lambda f: store(f, loss=np.float32(0.9)), "'loss' differs by"),
    "a little wrong": (lambda f: store(f, accuracy=3 / 7 + 1e-7), "(allowed 1e-08)"),
    "wrong shape": (lambda f: store(f, loss=np.zeros(3, np.float32)), "'loss' has shape (), expected (3,)"),
    "unannounced shape": (lambda f: store(f, announce=False, loss=np.zeros(3)), "'loss' is float64 (3,), announced"),
    "not a number": (lambda f: store(f, loss=np.float32("nan")), "'loss' holds values that are no numbers"),
    "empty": (lambda f: store(f, loss=np.zeros(0, np.float32)), "'loss'"),
    "missing array": (lambda f: store(f, announce=False, drop="loss"), "array 'loss' is missing from the npz"),
    "array dropped everywhere": (lambda f: store(f, drop="loss"), "the case holds no expected numbers of 'loss'"),
    "array that nothing computes": (lambda f: store(f, luck=np.ones(2)), "nothing computes the expected array 'luck'"),
    "text for numbers": (lambda f: store(f, loss=np.array("high")), "'loss'"),
    "no arrays": (lambda f: change(f, arrays={}), "announces no arrays"),
    "arrays is a list": (lambda f: change(f, arrays=[1]), "announces no arrays"),
    "odd announcement": (lambda f: change(f, arrays={"loss": 3, "accuracy": {}}), ""),
    "no margin": (without("margin"), "the JSON has no 'margin'"),
    "no dtype": (without("dtype"), "the JSON has no 'dtype'"),
    "no outputs": (without("outputs"), "the JSON has no 'outputs'"),
    "no system": (without("system"), "the JSON has no 'system'"),
    "no reference": (without("reference"), "the JSON has no 'reference'"),
    "no mode": (without("mode"), "the JSON has no 'mode'"),
    "no state": (without("state"), "the JSON has no 'state'"),
    "no fill": (without("fill"), "the JSON has no 'fill'"),
    "fill is null": (lambda f: change(f, fill=None), "the JSON has no 'fill', or not of its kind"),
    "no arrays key": (without("arrays"), "announces no arrays"),
    "no runner": (without("runner"), "unknown runner 'None'"),
    "unknown runner": (lambda f: change(f, runner="margins"), "unknown runner 'margins'"),
    "runner of another kind": (lambda f: change(f, runner=["margin"]), "unhashable"),
    "another runner": (lambda f: change(f, runner="ranking"), "the JSON has no 'attributes'"),
    "other inputs": (lambda f: change(f, margin=0.36), "'loss' differs by"),
    "margin is no number": (lambda f: change(f, margin="wide"), ""),
    "margin is nan": (lambda f: change(f, margin=float("nan")), "'loss' came out with values that are no numbers"),
    "unlike lengths": (lambda f: change(f, sim_positive=[0.5]), "they must match"),
    "odd dtype": (lambda f: change(f, dtype="float16"), "dtype 'float16' is neither float32 nor float64"),
    "truncated npz": (
        lambda f: (f / f"{NAME}.npz").write_bytes((f / f"{NAME}.npz").read_bytes()[:150]),
        "cannot be read",
    ),
    "empty npz": (lambda f: (f / f"{NAME}.npz").write_bytes(b""), "cannot be read"),
    "pickle in the npz": (
        lambda f: np.savez(f / f"{NAME}.npz", loss=np.array([{}], object), accuracy=0.5),
        "cannot be read",
    ),
    "no npz": (lambda f: (f / f"{NAME}.npz").unlink(), f"{NAME}.npz is missing"),
    "no json": (lambda f: (f / f"{NAME}.json").unlink(), f"{NAME}.json is missing"),
    "cut json": (lambda f: (f / f"{NAME}.json").write_text('{"runner": '), "cannot be read"),
    "json is a list": (lambda f: (f / f"{NAME}.json").write_text("[]"), "is not an object"),
    "json is not text": (lambda f: (f / f"{NAME}.json").write_bytes(b"\xff\xfe\x00"), "cannot be read"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_it_fails_with_a_reason_and_the_others_go_on(name: str, tmp_path: Path) -> None:
    margin_case(tmp_path)
    masks_case(tmp_path)
    tamper, reason = TAMPERED[name]
    tamper(tmp_path)
    bad, good = list(run_cases(tmp_path))
    assert (good.case, good.status) == ("masks_other", "pass")
    assert (bad.case, bad.status) == (NAME, "fail")
    assert bad.reason and reason in bad.reason, bad.reason


@pytest.fixture(scope="module")
def network_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedding case and a training case of one step."""
    folder = tmp_path_factory.mktemp("cases")
    embed_case(folder)
    train_case(folder, steps=1)
    return folder


def state(folder: Path, name: str, edit: Callable[[list[list[Any]]], Any]) -> None:
    rows = facts(folder, name)["state"]
    edit(rows)
    change(folder, name, state=rows)


NETWORKS: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "no weights": ("embed_other", lambda f: change(f, "embed_other", state=[]), "is not of system 'asen_v2'"),
    "a weight is missing": (
        "embed_other",
        lambda f: state(f, "embed_other", lambda rows: rows.pop()),
        "it lacks 'head.fc2.bias'",
    ),
    "a weight too many": (
        "embed_other",
        lambda f: state(f, "embed_other", lambda rows: rows.append(["embeddingnet.gate", [3], "float32"])),
        "it has 'head.gate', which it does not",
    ),
    "a shape that no memory holds": (
        "embed_other",
        lambda f: state(f, "embed_other", lambda rows: rows[-1].__setitem__(1, [1 << 40])),
        "which no tensor can have here",
    ),
    "another number of attributes": (
        "embed_other",
        lambda f: change(f, "embed_other", constructor={"n_attributes": 4}),
        "4 attributes need (4, 512)",
    ),
    "other weights": (
        "embed_other",
        lambda f: change(f, "embed_other", fill={"salt": "other-", "scale": {}, "alias": {}}),
        "differs by",
    ),
    "another class": (
        "embed_other",
        lambda f: change(f, "embed_other", reference={"class": "ASENet_V3"}),
        "class 'ASENet_V3' belongs to no system of this runner",
    ),
    "another mode": ("embed_other", lambda f: change(f, "embed_other", mode="test"), "is neither eval nor train"),
    "no input": ("embed_other", lambda f: change(f, "embed_other", inputs={}), "KeyError: 'x'"),
    "a map forgotten": ("embed_other", lambda f: store(f, "embed_other", drop="att"), "no expected numbers of 'att'"),
    "another optimizer": (
        "train_other",
        lambda f: change(f, "train_other", optimizer={"name": "SGD", "lr": 1.0}),
        "unknown optimizer 'SGD'",
    ),
    "an unknown setting": (
        "train_other",
        lambda f: change(f, "train_other", optimizer={"name": "Adam", "speed": 1}),
        "unexpected keyword argument 'speed'",
    ),
    "another rate": (
        "train_other",
        lambda f: change(f, "train_other", optimizer=facts(f, "train_other")["optimizer"] | {"lr": 4e-4}),
        "differs by",
    ),
    "no steps": ("train_other", lambda f: change(f, "train_other", steps=0), ""),
    "a step without inputs": ("train_other", lambda f: change(f, "train_other", steps=2), "step1."),
    "a parameter that is none": (
        "train_other",
        lambda f: change(f, "train_other", parameters=["embeddingnet.other.fc.weight"]),
        "is no parameter of this system",
    ),
    "a tensor that is none": (
        "train_other",
        lambda f: change(f, "train_other", after=["embeddingnet.luck"]),
        "'embeddingnet.luck' is no tensor of this system",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tampered_network_case_fails_with_a_reason(name: str, network_cases: Path, tmp_path: Path) -> None:
    case, tamper, reason = NETWORKS[name]
    for end in (".json", ".npz"):
        (tmp_path / f"{case}{end}").write_bytes((network_cases / f"{case}{end}").read_bytes())
    tamper(tmp_path)
    result = run_case(tmp_path, case)
    assert result.status == "fail" and result.reason and reason in result.reason, result.reason


def parity(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(command, arguments, catch_exceptions=False)


def test_the_exit_status_says_pass_not_built_or_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    margin_case(tmp_path)
    assert parity(str(tmp_path)).exit_code == 0
    monkeypatch.setattr(running, "NOT_BUILT", frozenset({"schedules"}))
    schedules_case(tmp_path)
    done = parity(str(tmp_path))
    assert done.exit_code == 3 and "not built" in done.output
    change(tmp_path, margin=1.0)
    done = parity(str(tmp_path))
    assert done.exit_code == 1 and "1 fail, 1 not built" in done.output


def test_json_says_case_system_differences_and_result(tmp_path: Path) -> None:
    margin_case(tmp_path)
    masks_case(tmp_path)
    store(tmp_path, loss=np.zeros(3, np.float32))
    margin, masks = json.loads(parity(str(tmp_path), "--json").output)
    assert masks == {
        "case": "masks_other",
        "system": "ASEN",
        "status": "pass",
        "absolute": 0,
        "relative": 0,
        "reason": "",
    }
    assert margin["status"] == "fail" and margin["absolute"] is None and "'loss' has shape" in margin["reason"]


def test_the_page_of_the_docs_has_every_case_with_its_differences(tmp_path: Path) -> None:
    margin_case(tmp_path)
    masks_case(tmp_path)
    store(tmp_path, loss=np.float32(0.9))
    page = tmp_path / "parity.md"
    assert parity(str(tmp_path), "--markdown", str(page)).exit_code == 1
    text = page.read_text()
    assert "2 cases: 1 pass, 1 fail; PyTorch" in text
    assert "| `masks_other` | ASEN | 0 | 0 | pass |" in text
    assert f"| `{NAME}` |" in text and "fail: 'loss' differs by" in text


def test_a_reason_in_brackets_is_printed_as_it_is(tmp_path: Path) -> None:
    margin_case(tmp_path)
    change(tmp_path, runner="[/bold]", system="[red]ASEN")
    done = parity(str(tmp_path))
    assert done.exit_code == 1 and "unknown runner '[/bold]'" in done.output and "[red]ASEN" in done.output


def test_a_folder_without_cases_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no golden case"):
        parity(str(tmp_path))
    with pytest.raises(InputError, match="No folder of golden cases at"):
        parity(str(tmp_path / "none"))
