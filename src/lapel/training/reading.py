"""Recipes by name or file, with overrides; every mistake gets a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lapel.errors import InputError, UnknownName
from lapel.training.composed.recipe import COMPOSED, ComposedRecipe
from lapel.training.experiment import Experiment
from lapel.training.recipe import Recipe

AnyRecipe = Recipe | ComposedRecipe


def shipped_folder() -> Path:
    """Where the recipes inside the package lie."""
    return Path(str(files("lapel") / "recipes"))


@cache
def list_recipes() -> tuple[str, ...]:
    """Names of the shipped recipes, sorted: `clothing-attributes/asen_v2`, ..."""
    folder = shipped_folder()
    return tuple(sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml")))


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> AnyRecipe:
    """Read a shipped recipe by name, or any recipe by file, and apply overrides.

    Args:
        name_or_path: `clothing-attributes/asen_v2`, or a path ending in .yaml.
        overrides: `key=value` with a dotted key and a YAML value: `optimiser.lr=3e-4`, `data.attributes=[color]`.
            `data=PATH` is short for `data.root=PATH`, `sets=permissive` for `data.use=permissive`. What a stage of a
            chained recipe says itself is changed there: `stages.0.optimiser.epochs=5`.

    Raises:
        UnknownName: no such recipe, or a key that recipes do not have; the nearest is suggested.
        InputError: not YAML, or a value of the wrong kind; says the key, the value and what is expected.
    """
    path = _find(str(name_or_path))
    content = read_mapping(path, f"a recipe is a YAML mapping with the keys {', '.join(Recipe.model_fields)}")
    apply_overrides(content, overrides)
    content.setdefault("name", str(name_or_path) if path.is_relative_to(shipped_folder()) else path.stem)
    return parse(content, path.name)


def read_mapping(path: Path, expected: str) -> dict[str, Any]:
    """A YAML file that holds a mapping; `expected` says what should have stood there.

    Raises:
        InputError: not YAML, or no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not a YAML file: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: {expected}.")
    return content


def apply_overrides(content: dict[str, Any], overrides: Sequence[str]) -> None:
    """Change a recipe's mapping in place, as `load_recipe` does with its overrides.

    Raises:
        InputError: an override that is no key=value, or whose place does not exist.
    """
    for override in overrides:
        _apply(content, override)


def parse(content: dict[str, Any], where: str = "recipe") -> AnyRecipe:
    """A mapping -> a checked recipe.

    Raises:
        UnknownName, InputError: as `load_recipe`.
    """
    kind = kind_of(content)
    try:
        recipe = kind.model_validate(content)
    except ValidationError as errors:
        first = errors.errors()[0]
        keys = tuple(str(key) for key in first["loc"])
        if first["type"] == "extra_forbidden":
            raise UnknownName("recipe key", keys[-1], _keys_at(kind, keys[:-1]), ".".join(keys[:-1]) or where) from None
        dotted = ".".join(k for k in keys if k not in ("int", "str") and "[" not in k)  # less pydantic's union branches
        problem = first["msg"].removeprefix("Value error, ")
        if not keys:
            raise InputError(f"{where}: {problem}.") from None
        given = "" if first["type"] == "missing" else f" (given {first['input']!r})"
        raise InputError(f"{where}: {dotted}: {problem}{given}.") from None
    for number in range(1, len(recipe.stages) + 1):
        if "stages" in recipe.stages[number - 1]:
            raise InputError(f"{where}, stage {number}: a stage has no stages of its own.")
        parse(recipe.stage_content(number), f"{where}, stage {number}")
    return recipe


def kind_of(content: dict[str, Any]) -> type[Recipe] | type[ComposedRecipe]:
    """Which kind of recipe a mapping is, by its system."""
    model = content.get("model")
    composed = isinstance(model, dict) and model.get("system") in COMPOSED
    return ComposedRecipe if composed else Recipe


def dump(recipe: Experiment) -> str:
    """The resolved recipe as YAML that `load_recipe` reads back to an equal recipe."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"There is no recipe file '{name}'. `lapel recipes` lists the shipped ones.")
        return path
    if name not in list_recipes():
        raise UnknownName("recipe", name, list_recipes(), "Lapel")
    return shipped_folder() / f"{name}.yaml"


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set takes key=value, for example optimiser.lr=3e-4; given: '{override}'.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"--set {key}: '{text}' is not a YAML value: {' '.join(str(error).split())}.") from error
    if key == "data" and not isinstance(value, dict):
        key, value = "data.root", text
    key = "data.use" if key == "sets" else key
    *parents, last = key.split(".")
    at: Any = content
    for parent in parents:
        at = at[int(parent)] if isinstance(at, list) and parent.isdigit() else _child(at, parent, override)
    if isinstance(at, list) and last.isdigit() and int(last) < len(at):
        at[int(last)] = value
    elif isinstance(at, dict):
        at[last] = value
    else:
        raise InputError(f"--set {override}: '{'.'.join(parents)}' has no key '{last}'.")


def _child(at: Any, name: str, override: str) -> Any:
    if not isinstance(at, dict):
        raise InputError(f"--set {override}: there is nothing below '{name}'.")
    if at.get(name) is None:
        at[name] = {}
    return at[name]


def _keys_at(part: type[BaseModel], keys: Sequence[str]) -> tuple[str, ...]:
    """The keys that a kind of recipe knows at a dotted place."""
    for key in keys:
        if key.isdigit() or key not in part.model_fields:
            continue
        inner = part.model_fields[key].annotation
        candidates = [inner, *getattr(inner, "__args__", ())]
        part = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), part)
    return tuple(part.model_fields)
