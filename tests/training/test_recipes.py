"""Recipes: reading, overriding, and the sentences for mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapel.errors import InputError, UnknownName
from lapel.training import Recipe, list_recipes, load_recipe
from lapel.training.reading import dump, shipped_folder

SYSTEMS = ("asen", "asen_v2", "csn", "triplet")


def test_every_promised_recipe_is_shipped():
    promised = {f"{data}/{system}" for data in ("clothing-attributes", "fashion-products") for system in SYSTEMS}
    assert promised | {"lapel-lite", "table/asen_v2"} <= set(list_recipes())


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_reads_in_order_and_its_header_says_what_it_must(name):
    text = (shipped_folder() / f"{name}.yaml").read_text("utf-8")
    header = text.split("\ntrains:")[0]
    assert all(f"# {word}: " in header for word in ("Paper", "Expected", "Hardware", "Command"))
    assert f"lapel train {name} " in header
    order = [line.rstrip(":") for line in text.splitlines() if line[:1].isalpha() and line.endswith(":")]
    assert order[:6] == ["data", "model", "sampling", "loss", "optimiser", "evaluation"]
    assert order[6:] in ([], ["running"], ["stages"], ["running", "stages"])


@pytest.mark.parametrize("name", list_recipes())
def test_a_resolved_recipe_reads_back_equal(name, tmp_path):
    recipe = load_recipe(name)
    (tmp_path / "recipe.yaml").write_text(dump(recipe), "utf-8")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    assert recipe.name == name and recipe.trains and recipe.paper


def test_the_named_attributes_of_both_photo_sets():
    assert len(load_recipe("clothing-attributes/csn").data.attributes) == 11
    products = load_recipe("fashion-products/asen").data.attributes
    assert products == (
        "gender", "master_category", "sub_category", "article_type", "color", "season", "year", "usage",
    )  # fmt: skip


def test_overrides_reach_every_depth_and_are_yaml():
    recipe = load_recipe(
        "lapel-lite", ["data=/photos", "optimiser.lr=1e-4", "data.attributes=[color]", "data.sets.1.path=mine"]
    )
    assert recipe.data.root == "/photos"
    assert recipe.optimiser.lr == 1e-4
    assert recipe.data.attributes == ("color",)
    assert recipe.data.sets[1].path == "mine"


def test_the_published_sampling_is_the_default_of_triplets_mode():
    recipe = load_recipe("fashion-products/asen_v2", ["sampling={mode: triplets}", "optimiser={}"])
    sampling, optimiser = recipe.sampling, recipe.optimiser
    assert (sampling.batch, sampling.triplets, sampling.negative, recipe.loss.margin) == (16, 100_000, "entry", 0.2)
    assert (sampling.augment.flip, sampling.augment.area, sampling.augment.jitter) == (0.5, 1.0, 0.0)
    assert (optimiser.lr, optimiser.schedule, optimiser.step_size, optimiser.decay) == (1e-4, "step", 3, 0.9)
    assert (optimiser.weight_decay, optimiser.warmup, optimiser.clip, optimiser.backbone_lr) == (0, 0, 0, None)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.lrr=1", "Unknown recipe key 'lrr'. Did you mean 'lr'? optimiser knows: epochs, lr, backbone_lr,"),
        ("samplng.batch=1", "Unknown recipe key 'samplng'. Did you mean 'sampling'? asen_v2.yaml knows: name, trains,"),
        ("data.sets.0.pth=x", "Unknown recipe key 'pth'. Did you mean 'path'? data.sets.0 knows: path, attributes,"),
        ("sampling.augment.flp=1", "Unknown recipe key 'flp'. Did you mean 'flip'? sampling.augment knows: flip, area"),
        (
            "optimiser.epochs=many",
            "asen_v2.yaml: optimiser.epochs: Input should be a valid integer, unable to parse string as an integer "
            "(given 'many').",
        ),
        (
            "model.system=asenv2",
            "asen_v2.yaml: model.system: Input should be 'triplet', 'csn', 'asen', 'asen_v2', 'asenpp'",
        ),
        ("optimiser", "--set takes key=value, for example optimiser.lr=3e-4; given: 'optimiser'."),
        ("optimiser.lr.x=1", "--set optimiser.lr.x=1: 'optimiser.lr' has no key 'x'."),
        ("data.attributes=[a", "--set data.attributes: '[a' is not a YAML value:"),
        (
            "loss={}",
            "asen_v2.yaml: sampling.mode is 'batch' but every loss has weight 0; set one of loss.in_batch_triplet, "
            "loss.proxy, loss.supcon above 0.",
        ),
    ],
)
def test_a_wrong_override_is_answered_in_a_sentence(override, message):
    with pytest.raises(InputError) as error:
        load_recipe("clothing-attributes/asen_v2", [override])
    assert str(error.value).startswith(message)


def test_a_misspelt_recipe_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Unknown recipe 'clothing-atributes/asen'. Did you mean 'clothing-attri"):
        load_recipe("clothing-atributes/asen")


def test_files_that_are_no_recipes(tmp_path):
    with pytest.raises(InputError, match=r"There is no recipe file '.*none\.yaml'"):
        load_recipe(tmp_path / "none.yaml")
    bad = Path(tmp_path / "bad.yaml")
    bad.write_text("data: [")
    with pytest.raises(InputError, match="not a YAML file"):
        load_recipe(bad)
    bad.write_text("- 1")
    with pytest.raises(InputError, match="a recipe is a YAML mapping with the keys name, trains, paper, seed, data,"):
        load_recipe(bad)


def test_recipes_are_frozen_and_quick_is_idempotent():
    recipe = load_recipe("lapel-lite")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 2  # type: ignore[misc]
    assert recipe.quick.quick == recipe.quick
    assert isinstance(recipe.quick, Recipe) and recipe.quick.optimiser.epochs == 1
