"""Recipe -> training data: renaming, joining, and the sentences for data that cannot be learnt from."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lapel.errors import TableError, TrainingError, UnknownName
from lapel.training.data import join_sets, load_data
from lapel.training.reading import load_recipe
from lapel.training.recipe import Data, DataSet, Model, Recipe
from training_data import tiny_set, write_table


def recipe(**data) -> Recipe:
    return Recipe(data=Data(**data), model=Model(system="asen_v2"), loss={"proxy": 1})


def labels(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_set_gives_its_splits_and_says_where_it_came_from(tmp_path):
    data = load_data(recipe(root=str(tiny_set(tmp_path / "shop")), sets=({"path": "shop"},)))
    assert (len(data.train), len(data.valid)) == (24, 6)
    assert data.vocabulary.to_dict() == {"color": ["blue", "green", "red"], "pattern": ["plain", "stripe"]}
    (source,) = data.sources
    assert (source["name"], source["items"]) == ("shop", 36)
    assert source["splits"] == {"train": 24, "valid": 6, "test": 6}


def test_the_root_may_be_the_folder_of_sets_or_the_set_itself(tmp_path):
    tiny_set(tmp_path / "shop")
    for root in (tmp_path, tmp_path / "shop", tmp_path / "shop" / "labels.csv"):
        assert len(load_data(recipe(root=str(root), sets=({"path": "shop"},))).train) == 24


def test_attributes_keep_the_order_of_the_recipe(tmp_path):
    root = tiny_set(tmp_path / "shop")
    data = load_data(recipe(root=str(root), sets=({"path": "shop"},), attributes=("pattern", "color")))
    assert data.vocabulary.names == ("pattern", "color")


def test_two_sets_are_joined_in_common_words(tmp_path):
    tiny_set(tmp_path / "a")
    tiny_set(tmp_path / "b", extra={"Usage": ["Casual", "Formal"]})
    sets = (
        DataSet(path="a", attributes={"color": "color", "pattern": "pattern"}, values={"color": {"red": "warm"}}),
        DataSet(
            path="b",
            attributes={"color": "color", "usage": "Usage"},
            values={"color": {"red": "warm", "green": None}, "usage": {"Casual": "casual"}},
        ),
    )
    items, sources = join_sets(Data(root=str(tmp_path), sets=sets, attributes=("usage", "color", "pattern")))
    assert items.vocabulary.to_dict() == {
        "usage": ["casual", "Formal"],
        "color": ["blue", "green", "warm"],
        "pattern": ["plain", "stripe"],
    }
    assert len(items) == 72 and [s["name"] for s in sources] == ["a", "b"]
    first, second = items[0], items[36]
    assert first.labels == {"color": {"warm"}, "pattern": {"plain"}}  # the first set knows no usage
    assert second.labels == {"color": {"warm"}, "usage": {"casual"}}  # nor the second a pattern
    assert "color" not in items[38].labels  # green has no equal in common: unknown, not a class
    assert (first.id, second.id) == ("a/images/000.png", "b/images/000.png")
    assert first.image.is_file() and second.image.is_file() and first.image != second.image


def test_a_cell_of_two_values_that_become_one_holds_it_once(tmp_path):
    folder = tiny_set(tmp_path / "shop")
    rows = labels(folder)
    rows[0]["color"] = "red|green"
    write_table(folder, rows)
    renamed = DataSet(path="shop", values={"color": {"red": "x", "green": "x"}})
    items, _ = join_sets(Data(root=str(tmp_path), sets=(renamed,)))
    assert items[0].labels["color"] == {"x"}
    assert items.vocabulary["color"].values == ("blue", "x")


def test_an_unknown_attribute_is_answered_with_the_nearest(tmp_path):
    root = str(tiny_set(tmp_path / "shop"))
    with pytest.raises(UnknownName) as error:
        load_data(recipe(root=root, sets=({"path": "shop"},), attributes=("colr",)))
    assert "'colr'. Did you mean 'color'?" in str(error.value)


def test_an_empty_split_is_a_sentence(tmp_path):
    folder = tiny_set(tmp_path / "shop")
    write_table(folder, [row for row in labels(folder) if row["split"] != "valid"])
    with pytest.raises(TableError) as error:
        load_data(recipe(root=str(folder), sets=({"path": "shop"},)))
    assert str(error.value) == "shop: split 'valid' is empty; it has: test, train."


def test_an_attribute_with_one_value_in_training_is_a_sentence(tmp_path):
    folder = tiny_set(tmp_path / "shop", extra={"scarf": ["no"]})
    rows = labels(folder)
    rows[-1]["scarf"] = "yes"  # in the test split only
    write_table(folder, rows)
    with pytest.raises(TrainingError) as error:
        load_data(recipe(root=str(folder), sets=({"path": "shop"},)))
    assert str(error.value) == (
        "shop: attribute 'scarf' has 1 value in the training split (no); two are needed to tell apart. "
        "Leave it out: --set data.attributes=[color,pattern]"
    )


def test_what_is_left_to_train_on_names_no_other_attribute_without_two_values(tmp_path):
    folder = tiny_set(tmp_path / "shop", extra={"scarf": ["no"], "belt": [""]})
    asked = {"attributes": ("color", "belt", "scarf")}
    write_table(folder, [row | {"belt": "yes" if row["split"] == "test" else ""} for row in labels(folder)])
    with pytest.raises(TrainingError) as error:
        load_data(recipe(root=str(folder), sets=({"path": "shop"},), **asked))
    assert str(error.value) == (
        "shop: attribute 'belt' has no value in the training split (none); two are needed to tell apart. "
        "Leave it out: --set data.attributes=[color]"
    )


def test_data_that_are_nowhere_are_a_sentence(tmp_path):
    with pytest.raises(TableError) as error:
        load_data(recipe(root=str(tmp_path / "no"), sets=({"path": "shop"},)))
    assert str(error.value) == (
        f"There is no '{tmp_path}/no/shop' to train on. Say where the photos and their labels are: --set data=PATH, "
        "a table, a folder with labels.csv, or the folder that holds 'shop'."
    )


def test_a_limit_takes_the_same_rows_each_time(tmp_path):
    asked = recipe(root=str(tiny_set(tmp_path / "shop")), sets=({"path": "shop"},), limit=5)
    assert load_data(asked).train.ids == load_data(asked).train.ids
    assert len(load_data(asked).train) == len(load_data(asked).valid) == 5


TAGS = {
    "path": "street",
    "tags": True,
    "terms": "Street (Someone): Apache-2.0",
    "permissive": True,
    "attributes": {"category": "tags", "scarf": "tags"},
    "values": {
        "category": {"coat": "outer", "jacket": "outer", "dress": "dress", "suit": None},
        "scarf": {"scarf": "yes"},
    },
    "absent": {"scarf": "no"},
}


def test_tags_say_only_what_they_name_once_and_what_is_sure_to_be_absent(tmp_path):
    tags = ["coat|shoes", "coat|jacket|scarf", "coat|dress", "dress|suit", "shoes", "", "dress|hat|scarf"]
    tiny_set(tmp_path / "street", extra={"tags": tags})
    items, (source,) = join_sets(Data(root=str(tmp_path), sets=(TAGS,), attributes=("category", "scarf")))
    assert items.vocabulary.to_dict() == {"category": ["outer", "dress"], "scarf": ["yes", "no"]}
    found = [{name: next(iter(held)) for name, held in items[row].labels.items()} for row in range(7)]
    assert found == [
        {"category": "outer", "scarf": "no"},
        {"category": "outer", "scarf": "yes"},  # two words for one value agree
        {"scarf": "no"},  # two kinds: which one is not said
        {"scarf": "no"},  # a word that is null spoils
        {"scarf": "no"},  # no word of ours: nothing about the category
        {},  # not tagged at all
        {"category": "dress", "scarf": "yes"},
    ]
    assert (source["terms"], source["permissive"]) == ("Street (Someone): Apache-2.0", True)


def test_permissive_sets_alone_and_only_the_attributes_that_they_label(tmp_path):
    tiny_set(tmp_path / "shop", extra={"scarf": ["yes", "no"]})
    tiny_set(tmp_path / "street", extra={"tags": ["coat|scarf", "dress"]})
    shop = {"path": "shop", "attributes": {"color": "color", "scarf": "scarf"}}
    both = {"root": str(tmp_path), "sets": (shop, TAGS), "attributes": ("color", "scarf", "category")}
    assert load_data(recipe(**both)).vocabulary.names == ("color", "scarf", "category")
    data = load_data(recipe(**both, use="permissive"))
    assert data.vocabulary.names == ("scarf", "category")
    assert [source["name"] for source in data.sources] == ["street"]
    assert data.train.ids[0].startswith("street/")


def test_permissive_of_sets_that_are_not_is_a_sentence():
    with pytest.raises(ValueError, match="no set of this recipe says permissive: true"):
        Data(root="", sets=({"path": "shop"},), use="permissive")


def test_the_shipped_recipe_says_the_terms_of_each_set_and_trains_from_the_permissive_ones():
    shipped = load_recipe("lapel-lite", ["sets=permissive"])
    assert all(part.terms for part in shipped.data.sets)
    assert [part.path for part in shipped.data.chosen] == ["fashion-products", "clothing-small", "clothing-co-parsing"]


def test_a_set_with_passes_is_gone_through_as_often(tmp_path):
    for name in ("one", "two"):
        tiny_set(tmp_path / name)
    sets = ({"path": "one", "passes": 3}, {"path": "two"})
    data = load_data(recipe(root=str(tmp_path), sets=sets))
    assert data.times is not None and len(data.times) == len(data.train)
    assert {(item.split("/")[0], n) for item, n in zip(data.train.ids, data.times, strict=True)} == {
        ("one", 3),
        ("two", 1),
    }
    assert load_data(recipe(root=str(tmp_path), sets=({"path": "one"}, {"path": "two"}))).times is None
