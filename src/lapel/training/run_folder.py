"""A run on disk: what was asked, with what, how it went. Whatever is written replaces the old in one move."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lapel.errors import InputError, TrainingError
from lapel.training.experiment import Experiment
from lapel.training.reading import dump, load_recipe

PACKAGES = ("lapel", "torch", "timm", "lightning-fabric", "numpy", "pillow", "safetensors")


class RunFolder:
    """The files of one run.

    recipe.yaml (resolved), about.json (seed, versions, commit), metrics.jsonl, events.* (TensorBoard), curves.png,
    last.safetensors (to go on from) and best.safetensors (to use).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe, self.about = self.path / "recipe.yaml", self.path / "about.json"
        self.metrics, self.curves = self.path / "metrics.jsonl", self.path / "curves.png"
        self.last, self.best = self.path / "last.safetensors", self.path / "best.safetensors"

    def refuse_taken(self) -> None:
        """Make the folder; called before the long preparations.

        Raises:
            InputError: the folder already holds something.
            TrainingError: the folder cannot be made.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise InputError(
                f"The run folder '{self.path}' is not empty. Go on with that run by --resume, "
                "or name another folder with --out."
            )
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def start(self, recipe: Experiment) -> None:
        """Write what is known before the first step.

        Raises:
            TrainingError: the folder cannot be written.
        """
        with writing(self.path):
            replace_text(self.recipe, dump(recipe))
            replace_text(self.about, json.dumps(about(recipe.seed), indent=1) + "\n")
            self.metrics.touch()

    def reopen(self, recipe: Experiment) -> None:
        """Check that this folder holds a run of the same recipe.

        Raises:
            InputError: no run here, or one of another recipe; names the first difference.
        """
        if not self.recipe.is_file():
            raise InputError(f"There is no run to resume in '{self.path}': it holds no recipe.yaml.")
        stored, asked = load_recipe(self.recipe).model_dump(mode="json"), recipe.model_dump(mode="json")
        for part in ("running", "name", "trains", "paper"):  # these do not change what is learnt
            stored.pop(part), asked.pop(part)
        for key in ("workers", "in_memory", "memory_gb"):
            stored["data"].pop(key, None), asked["data"].pop(key, None)
        stored["model"].pop("start"), asked["model"].pop("start")  # read once, when the run began
        if difference := _first_difference(stored, asked):
            raise InputError(
                f"The run in '{self.path}' was started with another recipe: {difference}. "
                "Resume with the recipe it was started with, or name another folder with --out."
            )
        with writing(self.path):
            self.metrics.touch()

    def log(self, row: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        with writing(self.metrics), self.metrics.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        """What metrics.jsonl holds; a line cut off by a crash is left out."""
        rows = []
        for line in self.metrics.read_text("utf-8").splitlines() if self.metrics.is_file() else []:
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def rewind(self, epoch: int, step: int) -> None:
        """Forget the lines after this place: the resumed run writes them again."""
        kept = [
            row
            for row in self.rows()
            if row["epoch"] < epoch or (row["epoch"] == epoch and row["kind"] == "train" and row["step"] <= step)
        ]
        with writing(self.metrics):
            replace_text(self.metrics, "".join(json.dumps(row) + "\n" for row in kept))


def about(seed: int) -> dict[str, Any]:
    """Seed, versions and commit: what one needs to know to obtain the run again."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    python = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return {"seed": seed, "versions": python | versions, "commit": _commit()}


def _commit() -> str | None:
    """The commit of the checkout this code runs from, with `+` when it holds changes; None outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10)
        if head.returncode:
            return None
        asked = ["git", "status", "--porcelain", "--untracked-files=no"]
        changed = subprocess.run(asked, cwd=here, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if changed else "")


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a crash leaves the old one or the new one, whole."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refused write into a sentence.

    Raises:
        TrainingError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TrainingError(
                f"The disk is full: '{path}' could not be written. What was saved before is whole. "
                "Free some space, then go on with --resume."
            ) from error
        raise TrainingError(
            f"'{path}' cannot be written ({error.strerror or error}). Name a folder that can with --out."
        ) from error


def _first_difference(stored: Any, asked: Any, key: str = "") -> str:
    if isinstance(stored, dict) and isinstance(asked, dict):
        for name in stored | asked:
            if found := _first_difference(stored.get(name), asked.get(name), f"{key}.{name}".lstrip(".")):
                return found
        return ""
    return "" if stored == asked else f"{key} is {stored!r} there and {asked!r} here"
