"""What is imported when: the base install must never ask for PyTorch, and help must answer at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TRAINING_ONLY = ("torch", "torchvision", "timm", "safetensors", "matplotlib", "lightning_fabric", "onnx", "tensorboard")
TRAINING_ROOMS = ("lapel.models", "lapel.losses", "lapel.training", "lapel.export", "lapel.parity")
SLOW_TO_IMPORT = ("numpy", "pyarrow", "PIL", "pydantic", "lancedb", "onnxruntime", "rich", "jinja2", "yaml", "resvg_py")

WATCH = """
import sys, json
tried = []
sys.addaudithook(lambda event, args: tried.append(event) if event == "socket.connect" else None)
"""


def _loaded_after(code: str) -> dict[str, list[str]]:
    report = "\nprint(json.dumps({'modules': sorted(sys.modules), 'connections': tried}))"
    done = subprocess.run([sys.executable, "-c", WATCH + code + report], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_catalogue_class_needs_no_pytorch() -> None:
    loaded = _loaded_after("import lapel; lapel.Catalogue")
    assert not set(TRAINING_ONLY) & set(loaded["modules"])
    assert loaded["connections"] == []


def test_importing_lapel_alone_loads_nothing_heavy() -> None:
    loaded = _loaded_after("import lapel")
    assert not {*TRAINING_ONLY, *SLOW_TO_IMPORT} & set(loaded["modules"])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    run = f"sys.argv = ['lapel', *{arguments!r}]\nfrom lapel.interfaces.cli.main import main\n"
    loaded = _loaded_after(run + "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code")
    assert not {*TRAINING_ONLY, *SLOW_TO_IMPORT} & set(loaded["modules"])
    assert loaded["connections"] == []


def test_every_base_module_imports_where_the_train_extra_is_not_installed() -> None:
    walk = f"""
import importlib, importlib.abc, pkgutil
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {TRAINING_ONLY!r}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)
sys.meta_path.insert(0, Absent())
import lapel
walked = []
def walk(package):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if found.name in {TRAINING_ROOMS!r}:
            continue
        module = importlib.import_module(found.name)
        walked.append(found.name)
        if found.ispkg:
            walk(module)
walk(lapel)
assert len(walked) > 30, walked
"""
    loaded = _loaded_after(walk)
    assert loaded["connections"] == []
    assert {"lapel.schema.items", "lapel.interfaces.cli.main"} <= set(loaded["modules"])


def test_the_dependency_that_can_report_by_itself_is_told_not_to() -> None:
    code = """
import onnxruntime
calls = []
onnxruntime.disable_telemetry_events = lambda: calls.append(1)
import lapel.runtime.onnx
assert calls == [1]
"""
    assert _loaded_after(code)["connections"] == []
