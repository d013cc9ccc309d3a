"""What may be in the repository, and what the pins must cover."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SYSTEMS = [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def _text_files() -> list[tuple[Path, str]]:
    read = []
    for path in _tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            read.append((path, content.decode("utf-8")))
    return read


def test_no_tracked_file_names_a_folder_of_one_machine_or_a_package_host() -> None:
    folders = r"(?<![\w.~\])}])/(?:" + "|".join(("work", "root", "home", "Users", "opt/wheels")) + ")/"
    hosts = "|".join((r"pypi\.", "pythonhosted", r"npmjs\.", r"deb\.debian"))
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in _text_files()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(f"{folders}|{hosts}", line)
    ]
    assert wrong == []


def test_no_source_file_is_over_400_lines() -> None:
    long = {path.name: n for path, text in _text_files() if path.suffix == ".py" and (n := text.count("\n")) > 400}
    assert long == {}


def test_nothing_big_is_tracked_but_the_shipped_models() -> None:
    shipped = ROOT / "src" / "lapel" / "shipped"
    big = [path.name for path in _tracked() if shipped not in path.parents and path.stat().st_size > 1_500_000]
    assert big == []


def test_no_picture_of_a_data_set_is_tracked() -> None:
    allowed = (ROOT / "docs" / "images", ROOT / "src" / "lapel" / "shipped")
    pictures = [p for p in _tracked() if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".gif", ".parquet"}]
    assert [p for p in pictures if not any(folder in p.parents for folder in allowed)] == []


def _constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _asked_for() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for asked in lists for text in asked]


def test_every_constraint_is_one_exact_version() -> None:
    for pin in _constraints().values():
        assert re.fullmatch(r"==[\w.!+]+", str(pin.specifier)), str(pin)


def test_constraints_hold_a_fitting_version_of_every_dependency() -> None:
    pins = _constraints()
    for asked in _asked_for():
        pin = pins.get(canonicalize_name(asked.name))
        assert pin is not None, f"{asked.name} is missing in constraints.txt"
        version = str(pin.specifier).removeprefix("==")
        assert asked.specifier.contains(version, prereleases=True), f"{asked} does not admit {version}"


def _needed(parent: Requirement) -> list[Requirement]:
    """What a package asks for on any supported system and Python, per its installed metadata."""
    environments = [
        {"sys_platform": s, "platform_system": p, "os_name": o, "python_version": v, "python_full_version": f"{v}.1"}
        for s, p, o in SYSTEMS
        for v in PYTHONS
    ]
    try:
        texts = importlib.metadata.requires(parent.name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(text) for text in texts]
    return [
        asked
        for asked in found
        if asked.marker is None
        or any(asked.marker.evaluate({**e, "extra": x}) for e in environments for x in ("", *parent.extras))
    ]


def test_constraints_cover_what_the_dependencies_depend_on() -> None:
    pins, seen, to_see = _constraints(), set(), _asked_for()
    while to_see:
        asked = to_see.pop()
        key = (canonicalize_name(asked.name), tuple(sorted(asked.extras)))
        if key not in seen:
            seen.add(key)
            to_see += _needed(asked)
    missing = sorted({name for name, _ in seen} - set(pins))
    assert missing == [], "add them to constraints.txt"


def test_the_versions_that_state_the_release_agree() -> None:
    from lapel import errors  # the package under test is the one of this checkout

    assert ROOT in Path(errors.__file__).parents
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited and cited[1] == PROJECT["version"]
