"""`--quick` of every shipped recipe, by the command in its own header, so that the header cannot rot."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import composed_releases
import releases
from lapel.interfaces.cli.main import command, main
from lapel.training import list_recipes, load_recipe
from lapel.training.composed.recipe import ComposedRecipe
from lapel.training.reading import shipped_folder
from training_data import TINY, TRIPLETS, tiny_set

pytest.importorskip("torch")


def header_command(name: str) -> list[str]:
    text = (shipped_folder() / f"{name}.yaml").read_text("utf-8")
    (line,) = re.findall(r"^# Command: lapel (.+)$", text, re.M)
    return shlex.split(line)


def miniature(name: str, folder: Path) -> Path:
    """A miniature of the release, or tiny tables with the columns, and renamed values, that the recipe expects."""
    recipe = load_recipe(name)
    if isinstance(recipe, ComposedRecipe):
        composed_releases.MAKERS[recipe.data.release](folder / recipe.data.path)
        return folder
    if (release := name.split("/")[0]) in releases.MAKERS:
        releases.MAKERS[release](folder / recipe.data.sets[0].path)
        return folder
    for part in recipe.data.sets:
        theirs = part.attributes or {ours: ours for ours in recipe.data.attributes}
        words = {ours: list(part.values.get(ours, {}))[:3] for ours in theirs}
        extra = {theirs[ours]: [w for w in words[ours] if w] + ["one", "two", "three"] for ours in theirs}
        tiny_set(folder / part.path, count=72, extra={n: v[:3] for n, v in extra.items()})
    return folder


@pytest.mark.parametrize("name", list_recipes())
def test_quick_of_every_recipe_by_its_own_header(name, tmp_path):
    data = miniature(name, tmp_path / "data")
    asked = [f"data={data}" if word == "data=PATH" else word for word in header_command(name)]
    out = tmp_path / Path(asked[asked.index("--out") + 1])
    asked[asked.index("--out") + 1] = str(out)
    result = CliRunner().invoke(command, [*asked, "--quick", "--set", "model.weights=random"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert result.stdout == f"{out / 'best.safetensors'}\n"
    runs = [out / f"stage-{n}" for n in range(1, len(load_recipe(name).stages) + 1)] or [out]
    for run in runs:
        steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in steps if row["kind"] == "train"] == [1, 2]


def test_recipes_lists_all_of_them():
    result = CliRunner().invoke(command, ["recipes", "--json"])
    assert [row["name"] for row in json.loads(result.stdout)] == list(list_recipes())
    assert all(row["trains"] and row["paper"] for row in json.loads(result.stdout))
    table = CliRunner().invoke(command, ["recipes"]).stdout
    assert "table/asen_v2" in table and "lapel-lite" in table


def run(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["lapel", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0), capsys.readouterr().err.strip()


def test_mistakes_on_the_command_line_are_one_line(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, capsys, "train", "table/asen") == (
        1,
        f"Error: Unknown recipe 'table/asen'. Did you mean 'table/asen_v2'? Lapel knows: {', '.join(list_recipes())}.",
    )
    missing = run(
        monkeypatch, capsys, "train", "table/asen_v2", "--set", f"data={tmp_path / 'no'}", "--out", str(tmp_path / "r")
    )
    assert missing[0] == 1 and missing[1].startswith(f"Error: There is no '{tmp_path / 'no'}' to train on.")


def test_resume_takes_the_recipe_from_the_run(monkeypatch, tmp_path):
    folder = tiny_set(tmp_path / "shop")
    settings = [word for setting in (f"data={folder}", *TINY, TRIPLETS) for word in ("--set", setting)]
    words = ["train", "table/asen_v2", "--out", str(tmp_path / "run")]
    assert CliRunner().invoke(command, [*words, *settings]).exit_code == 0
    resumed = CliRunner().invoke(command, [*words, "--resume"])
    assert resumed.exit_code == 0, resumed.exception


def test_without_pytorch_training_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; from lapel.interfaces.cli.main import main; "
    code += "sys.argv = ['lapel', 'train', 'lapel-lite']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "Error: Training needs an extra that is not installed. Run: pip install 'lapel[train]'"
    )
