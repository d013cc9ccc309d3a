"""The real lines of the published files, where they lie beside the project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lapel.datasets import RELEASES, read
from lapel.datasets.releases import deepfashion, fashionai
from lapel.datasets.releases.facts import find_facts
from lapel.datasets.releases.published import with_role
from lapel.errors import TableError
from lapel.evaluation.metrics import chance_ap
from lapel.schema import ROLE

pytestmark = pytest.mark.shared


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "datasets" / "samples"


@pytest.mark.parametrize(("name", "count"), [("fashionai", 600), ("darn", 600), ("deepfashion", 600)])
def test_the_coherent_lists(samples: Path, name: str, count: int) -> None:
    root = samples / name / "mini"
    table = read(root, missing="ignore")
    assert table.release is not None and table.release.name == name and len(table) == count
    roles = table.table[ROLE].to_pylist()
    assert (roles.count("query"), roles.count("gallery")) == (150, 450)
    lines = [line.split() for line in (root / "query_test.txt").read_text().split("\n") if line]
    for number, attribute, value in lines:
        held = table[int(number)].labels
        known = table.vocabulary.names[int(attribute)]
        assert held == {known: {table.vocabulary[known].values[int(value)]}}


@pytest.mark.parametrize("name", ["fashionai", "darn", "deepfashion"])
def test_the_published_meta_json_agrees_with_what_is_built_in(samples: Path, name: str) -> None:
    title = RELEASES[name].title
    facts = find_facts(samples / name / "mini", title, {})
    assert tuple(facts.attributes.values()) == RELEASES[name].published.values
    assert facts.source.endswith("meta.json")


def test_a_list_cut_short_is_told_from_ids_that_reach_further(samples: Path) -> None:
    with pytest.raises(
        TableError, match=r"query_valid\.txt, line 1: image id 13,619 is out of range: filenames_valid\.txt"
    ):
        read(samples / "fashionai", missing="ignore")


def test_original_lines_give_the_values_of_the_asen_split(samples: Path) -> None:
    for name, values in fashionai.VALUES.items():
        file = samples / "fashionai" / f"{name}_labels_train.csv"
        table = read(file, missing="ignore")
        lines = [line.split(",") for line in file.read_text().splitlines() if line]
        assert table.table[name].to_pylist() == [values[line[2].index("y")] for line in lines]
    asked = read(samples / "fashionai" / "question.csv", missing="ignore")
    assert len(asked) == 200 and not any(item.labels for item in asked)
    answered = read(samples / "fashionai" / "s1ab_label.csv", missing="ignore")
    assert set(answered.table["leaderboard"].to_pylist()) <= {"0", "1", "a", "b"}


def test_the_drawn_label_of_deepfashion_is_one_of_the_image_s_and_has_a_name(samples: Path) -> None:
    folder = samples / "deepfashion"
    names = deepfashion.value_names(folder / "list_attr_cloth.txt", deepfashion.ATTRIBUTES)
    assert tuple(map(len, names.values())) == RELEASES["deepfashion"].published.values
    rows = (folder / "list_attr_cloth.txt").read_text().splitlines()[2:]
    everything = [line.rsplit(maxsplit=1)[0].strip() for line in rows if line.strip()]
    labels = {}
    for line in (folder / "label_test.txt").read_text().split("\n"):
        if numbers := list(map(int, line.split())):
            labels[numbers[0]] = {everything[n] for n in numbers[2::2]}
    for line in (folder / "candidate_test.txt").read_text().split("\n"):
        if line:
            image, attribute, value = map(int, line.split())
            assert list(names.values())[attribute][value] in labels[image]


def test_kfashion_s_real_labels(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="2 of 3 K-Fashion label files name no style; the first is .*1070263"):
        read(samples / "kfashion" / "raw_label_json")
    table = read(samples / "kfashion" / "raw_label_json", missing="ignore")
    styles = {item.id: item.labels.get("style", frozenset()) for item in table}
    real = json.loads((samples / "kfashion" / "raw_label_json" / "100026.json").read_text())
    told = real["데이터셋 정보"]["데이터셋 상세설명"]["라벨링"]["스타일"][0]["스타일"]
    assert told in styles["train/100026"] and styles["train/1070263"] == frozenset()


def test_kfashion_s_real_lists(samples: Path, tmp_path: Path) -> None:
    root = tmp_path / "Kfashion"
    root.mkdir()
    for name in ("filenames_train.txt", "label_train.txt"):
        shutil.copy(samples / "kfashion" / name, root)
    table = read(root, missing="ignore")
    assert table.release is not None and table.release.name == "kfashion" and len(table) == 300
    assert {next(iter(item.labels["style"])) for item in table} <= {"formal", "semi-formal", "casual"}


def test_fine_lists(samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples / "deepfashion" / "fine26", tmp_path / "fine" / "split")
    table = read(tmp_path / "fine", missing="ignore")
    first = (samples / "deepfashion" / "fine26" / "train_attr.txt").read_text().split("\n")[0].split()
    held = [table[0].labels[name] for name in table.vocabulary.names]
    values = [table.vocabulary[n].values[int(v)] for n, v in zip(table.vocabulary.names, first, strict=True)]
    assert held == [{value} for value in values] and len(table.split("valid")) == 300


@pytest.mark.parametrize("name", ["fashionai", "darn", "deepfashion"])
def test_the_stated_counts_are_those_of_the_whole_published_test_split(shared: Path, name: str) -> None:
    counted = json.loads((shared / "datasets" / "test_value_counts.json").read_text())[name]
    published = RELEASES[name].published
    chances, queries = [], []
    for k, part in enumerate(counted["attributes"].values()):
        assert sum(part["queries"]) == published.queries["test"][k]
        assert sum(part["gallery"]) == published.gallery["test"][k]
        each = chance_ap(np.array(part["gallery"]), sum(part["gallery"]))
        assert 100 * np.average(each, weights=part["queries"]) == pytest.approx(part["chance_map"], abs=6e-5)
        chances.append(part["chance_map"])
        queries.append(sum(part["queries"]))
    assert np.average(chances, weights=queries) == pytest.approx(counted["chance_map_overall"], abs=1e-4)


def test_roles_of_real_lines(samples: Path) -> None:
    table = read(samples / "darn" / "mini", missing="ignore")
    asked = sum(int(with_role(table, "query", n)[table.labels(n).known].sum()) for n in table.vocabulary.names)
    assert asked == 150
