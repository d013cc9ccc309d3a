"""The published repositories' YAML pairs become the shipped recipes, key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import releases
from lapel.errors import CheckpointError, InputError, UnknownName
from lapel.interfaces.cli.main import command
from lapel.training import Recipe, load_recipe
from lapel.training.reference_config import load_reference
from lapel.training.reference_keys import METHODS

SETS = {"FashionAI": releases.FASHIONAI, "DARN": releases.DARN, "DeepFashion": releases.DEEPFASHION}
LISTS = {
    "PATH_FILE": {s.upper(): f"filenames_{s}.txt" for s in ("train", "valid", "test")},
    "GROUNDTRUTH": {
        "TRAIN": "label_train.txt",
        "QUERY": {"VALID": "query_valid.txt", "TEST": "query_test.txt"},
        "CANDIDATE": {"VALID": "candidate_valid.txt", "TEST": "candidate_test.txt"},
    },
}


def dataset(name: str, attributes: dict[str, int]) -> dict[str, Any]:
    facts = {"NAME": list(attributes), "NUM": list(attributes.values())}
    return {"DATA": {"DATASET": name, "NUM_ATTRIBUTES": len(attributes), "ATTRIBUTES": facts, **LISTS}}


ASENPP_S1 = "NAME: D_s1\nSAVE_DIR: runs\n"
ASENPP_S2 = """NAME: D_s2
SAVE_DIR: runs
MODEL: {LOCAL: {ENABLE: True}}
SOLVER: {DECAY_RATE: 0.9, STEP_SIZE: 1, EPOCHS: 20, GLOBAL_WEIGHT: 1., ALIGN_WEIGHT: 0.1, LOCAL_WEIGHT: 0.1,
         BASE_LR: 1e-4, BASE_LR_SLOW: 1e-5}
INPUT: {THRESHOLD: 0.1}
"""
RPF_S1 = """NAME: D_s1
SAVE_DIR: runs
DATA: {NUM_TRIPLETS: 100000}
MODEL: {TRANSFORMER: {ENABLE: False}, SINGLE: {ENABLE: True}}
SOLVER: {DECAY_RATE: 0.9, STEP_SIZE: 3, EPOCHS: 50, BASE_LR: 5e-5, REGION_WEIGHT: 1.}
INPUT: {THRESHOLD: 0.1}
"""
RPF_S2 = """NAME: D_s2
SAVE_DIR: runs
MODEL: {TRANSFORMER: {ENABLE: True}, SINGLE: {ENABLE: False}}
SOLVER: {DECAY_RATE: 0.9, STEP_SIZE: 2, EPOCHS: 50, REGION_WEIGHT: 1., INTER_WEIGHT: 0.04, PATCH_WEIGHT: 0.1,
         BASE_LR: 5.5e-5, BASE_LR_SLOW: 1e-5, BETA: BETA_HERE, ALPHA: 12.}
INPUT: {THRESHOLD: 0.1}
"""


def pair(folder: Path, name: str, stage: str, attributes: dict[str, int] | None = None) -> list[Path]:
    """The two files on disk; a `stage` text is the second one's."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(dataset(name, attributes or SETS[name]), sort_keys=False))
    (folder / "stage.yaml").write_text(stage)
    return [folder / f"{name}.yaml", folder / "stage.yaml"]


def compared(recipe: Recipe) -> dict[str, Any]:
    """A recipe without what has no part in training, or is spelled out in one only."""
    content = recipe.model_dump(mode="json", exclude={"name", "trains", "paper", "running", "stages"})
    for key in ("root", "workers"):
        content["data"].pop(key)
    for part in (content["model"], content["model"]["local"] or {}):
        part.pop("options", None), part.pop("look_dim", None), part.pop("backbone", None), part.pop("cut", None)
    content["model"].pop("start"), content["model"].pop("dim")
    return content


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("system", ["asenpp", "rpf"])
@pytest.mark.parametrize("stage", [1, 2])
def test_each_pair_is_the_shipped_recipe_s_stage(name: str, system: str, stage: int, tmp_path: Path) -> None:
    beta = "0.4" if name == "DeepFashion" else "0.3"
    texts = {"asenpp": (ASENPP_S1, ASENPP_S2), "rpf": (RPF_S1, RPF_S2.replace("BETA_HERE", beta))}
    found = load_reference(pair(tmp_path, name, texts[system][stage - 1]))
    shipped = load_recipe(f"{name.casefold()}/{system}").stage(stage)
    ours, theirs = compared(shipped), compared(found)
    if stage == 1:  # weights of what comes later are not looked at
        for key in ("local_weight", "align_weight"):
            ours["loss"].pop(key), theirs["loss"].pop(key)
        ours["optimiser"].pop("slow_lr"), theirs["optimiser"].pop("slow_lr")
    if system == "rpf":  # RPF's batch of evaluation and the like are the code's defaults
        ours["loss"].pop("align_weight", None), theirs["loss"].pop("align_weight", None)
    assert theirs == ours
    assert found.model.system == system and (found.model.local is not None) == (stage == 2)


def test_the_style_pair_is_the_shipped_recipe(tmp_path: Path) -> None:
    stage = "NAME: Kfashion_s1\nSAVE_DIR: kfashion_classification\n"
    found = load_reference(pair(tmp_path, "Kfashion", stage, {"style": 3}))
    shipped = load_recipe("kfashion/style")
    assert (found.model.system, found.loss.style) == ("style", shipped.loss.style)
    assert found.optimiser.model_dump(exclude={"step_size"}) == shipped.optimiser.model_dump(exclude={"step_size"})
    assert (found.sampling.batch, found.sampling.negative, found.evaluation.every) == (128, "value", 5)
    first = load_reference(
        pair(tmp_path, "Kfashion", "MODEL: {TYPE: StyleClassification}\nSOLVER: {TYPE: StepLR}\n", {"style": 3})
    )
    assert (first.model.system, first.optimiser.schedule, first.optimiser.step_size) == ("style_v1", "step", 5)
    with pytest.raises(InputError, match="local branch of the published style classifier cannot run"):
        load_reference(pair(tmp_path, "Kfashion", "MODEL: {LOCAL: {ENABLE: True}}\n", {"style": 3}))


def nested(dotted: str, value: Any) -> dict[str, Any]:
    for key in reversed(dotted.split(".")):
        value = {key: value}
    return value


@pytest.mark.parametrize("method", METHODS)
def test_every_known_key_is_taken_at_its_default(method: str, tmp_path: Path) -> None:
    marker = {"asenpp": {}, "rpf": {"SOLVER": {"TAU": 0.07}}, "style": {"MODEL": {"TYPE": "ArcStyleClassification"}}}
    files = pair(tmp_path, "DARN", yaml.safe_dump(marker[method]))
    plain = load_reference(files)
    for key, value in METHODS[method].items():
        if key not in ("DATA.DATASET", "DATA.NUM_ATTRIBUTES", "DATA.BASE_PATH", "NAME"):
            (tmp_path / "more.yaml").write_text(yaml.safe_dump(nested(key, value)))
            assert load_reference([*files, tmp_path / "more.yaml"]) == plain, key


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            "SOLVER: {BASE_LRR: 1}",
            "Unknown configuration key 'SOLVER.BASE_LRR'. Did you mean 'SOLVER.BASE_LR'? The publ",
        ),
        ("SOLVR: {EPOCHS: 1}", "Unknown configuration key 'SOLVR.EPOCHS'. Did you mean 'SOLVER.EPOCHS'?"),
        ("SOLVER: {EPOCHS: many}", "SOLVER.EPOCHS is 'many'; expected a int, such as 50."),
        ("SOLVER: {EPOCHS: 2.5}", "SOLVER.EPOCHS is 2.5; expected a int, such as 50."),
        ("MODEL: {LOCAL: {ENABLE: 1}}", "MODEL.LOCAL.ENABLE is 1; expected a bool, such as False."),
        ("SOLVER: {OPTIMIZER_NAME: SGD}", "SOLVER.OPTIMIZER_NAME is 'SGD'; only 'Adam' is supported."),
        (
            "DATA: {NUM_ATTRIBUTES: 7}",
            "DATA.ATTRIBUTES names 9 attributes, gives 9 numbers of values, and DATA.NUM_ATTR",
        ),
        (
            "DATA: {PATH_FILE: {TRAIN: a.txt}}",
            "DATA.PATH_FILE.TRAIN is 'a.txt', not 'filenames_train.txt'. Put this fi",
        ),
        ("- 1", "stage.yaml: a configuration is a mapping with keys such as NAME, MODEL, DATA, SOLVER."),
        ("a: [", "stage.yaml: not a YAML file:"),
    ],
)
def test_what_cannot_be_taken_is_named(stage: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_reference(pair(tmp_path, "DARN", stage))
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_keys_of_one_method_are_unknown_to_another(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'MODEL\.LOCAL\.ENABLE'.*The published code of RPF knows"):
        load_reference(pair(tmp_path, "DARN", "SOLVER: {TAU: 0.1}\nMODEL: {LOCAL: {ENABLE: True}}\n"))
    with pytest.raises(InputError, match="give the data set's file before the stage's, --cfg FashionAI.yaml s1.yaml"):
        (tmp_path / "alone.yaml").write_text(ASENPP_S1)
        load_reference([tmp_path / "alone.yaml"])


def test_numbers_without_a_dot_and_parts_at_the_top(tmp_path: Path) -> None:
    assert yaml.safe_load("1e-4") == "1e-4"  # why it matters
    found = load_reference(pair(tmp_path, "DARN", "TRANSFORMER: {ENABLE: True}\nSOLVER: {BASE_LR: 3e-4}\n"))
    assert found.model.system == "rpf" and found.optimiser.lr == 3e-4 and found.model.local is not None


def test_the_command_trains_a_published_pair_and_a_second_stage_wants_its_first(tmp_path: Path) -> None:
    releases.fashionai(tmp_path / "data" / "FashionAI")
    files = list(map(str, pair(tmp_path / "config", "FashionAI", ASENPP_S1)))
    told = ["--set", f"data={tmp_path / 'data'}", "--quick", "--out"]
    done = CliRunner().invoke(command, ["train", "--cfg", *files, *told, str(tmp_path / "s1")])
    assert done.exit_code == 0, done.output + repr(done.exception)
    rows = [json.loads(line) for line in (tmp_path / "s1" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "train"] == [1, 2]
    files = list(map(str, pair(tmp_path / "config", "FashionAI", ASENPP_S2)))
    bare = CliRunner().invoke(command, ["train", "--cfg", *files, *told, str(tmp_path / "s2")])
    assert isinstance(bare.exception, InputError) and "Name that run or its checkpoint" in str(bare.exception)
    absent = ["--set", f"model.start={tmp_path / 'none'}"]
    gone = CliRunner().invoke(command, ["train", "--cfg", *files, *absent, *told, str(tmp_path / "s2")])
    assert isinstance(gone.exception, CheckpointError) and "Train the earlier stage first" in str(gone.exception)


def test_the_command_wants_one_recipe() -> None:
    none = CliRunner().invoke(command, ["train"])
    assert none.exit_code == 2 and "Give one RECIPE" in none.output
