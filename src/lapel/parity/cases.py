"""A golden case on disk: NAME.json says what to run, NAME.npz holds the numbers that the published code gave."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.errors import InputError

Arrays = dict[str, NDArray[Any]]

ALWAYS: dict[str, type] = {
    "runner": str,
    "system": str,
    "reference": dict,
    "dtype": str,
    "mode": str,
    "state": list,
    "fill": dict,
    "outputs": dict,
}
"""Facts that every case states, whatever its runner makes of them; a case without one has been cut."""


class CaseError(InputError):
    """A case that is damaged or contradicts itself."""


class NotBuilt(InputError):
    """A case of a system that this version does not have."""


@dataclass(frozen=True)
class Case:
    """One case. facts: the JSON. expected: array by name."""

    name: str
    facts: dict[str, Any]
    expected: Arrays

    def __getitem__(self, key: str) -> Any:
        try:
            return self.facts[key]
        except KeyError:
            raise CaseError(f"the JSON has no '{key}'") from None

    def get(self, key: str, default: Any = None) -> Any:
        """A fact that may be absent."""
        return self.facts.get(key, default)

    @property
    def given(self) -> Arrays:
        """Arrays of the npz that are inputs, not results: those that an input of kind `npz` names."""
        inputs = self.get("inputs", {}).values()
        keys = [spec["key"] for spec in inputs if isinstance(spec, dict) and spec.get("kind") == "npz"]
        if missing := [key for key in keys if key not in self.expected]:
            raise CaseError(f"input '{missing[0]}' is missing from the npz")
        return {key: self.expected[key] for key in keys}

    def forgotten(self, computed: Arrays) -> list[str]:
        """Arrays that the case asks for (its `outputs` describes their kind) but holds no expected numbers of."""
        kinds = {str(name).split(":")[0] for name in self["outputs"]}
        return sorted(key for key in computed if key.split(":")[0] in kinds and key not in self.expected)


def case_names(folder: Path) -> list[str]:
    """Names of the cases in a folder, sorted: every .json and every .npz, so that a lone one is noticed.

    Raises:
        InputError: no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"No folder of golden cases at '{folder}'.")
    names = sorted({path.stem for path in folder.iterdir() if path.suffix in (".json", ".npz")})
    if not names:
        raise InputError(f"'{folder}' holds no golden case (NAME.json with NAME.npz).")
    return names


def read_facts(folder: Path, name: str) -> dict[str, Any]:
    """A case's JSON.

    Raises:
        CaseError: missing or damaged.
    """
    try:
        facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CaseError(f"{name}.json is missing") from None
    except (ValueError, OSError) as error:
        raise CaseError(f"{name}.json cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise CaseError(f"{name}.json is not an object")
    return facts


def read_case(folder: Path, name: str) -> Case:
    """A whole case; the arrays must be those that its JSON announces.

    Raises:
        CaseError: a file is missing or damaged, or the two contradict each other.
    """
    facts = read_facts(folder, name)
    for key, kind in ALWAYS.items():
        if not isinstance(facts.get(key), kind):
            raise CaseError(f"the JSON has no '{key}'" + (", or not of its kind" if key in facts else ""))
    try:
        with open(folder / f"{name}.npz", "rb") as file, np.load(file, allow_pickle=False) as stored:
            expected = {key: stored[key] for key in stored.files}
    except FileNotFoundError:
        raise CaseError(f"{name}.npz is missing") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise CaseError(f"{name}.npz cannot be read: {error}") from error
    announced = facts.get("arrays")
    if not isinstance(announced, dict) or not announced:
        raise CaseError("the JSON announces no arrays, so there is nothing to compare")
    if missing := sorted(set(announced) ^ set(expected)):
        where = "npz" if missing[0] in announced else "JSON"
        raise CaseError(f"array '{missing[0]}' is missing from the {where}")
    for key, about in announced.items():
        array = expected[key]
        if list(array.shape) != list(about["shape"]) or str(array.dtype) != about["dtype"]:
            raise CaseError(
                f"array '{key}' is {array.dtype} {array.shape}, announced {about['dtype']} {about['shape']}"
            )
        # A gradient norm that is not a number says, in these files, that the weight gets no gradient.
        numbers = (
            array.dtype.kind in "biuf"
            and np.isfinite(array if not key.startswith("grad_norm") else array[~np.isnan(array)]).all()
        )
        if not numbers:
            raise CaseError(f"array '{key}' holds values that are no numbers")
    return Case(name, facts, expected)
