"""The one door: make, fill, fill again, search, remove. Colours make every answer predictable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lapel
from colour_model import OUTFITS, ColourModel, draw, draw_shop
from lapel import Catalogue
from lapel.errors import CatalogueError, ImageEmpty, ImageMissing, InputError, QueryError, UnknownName
from lapel.store import writing


@pytest.fixture
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    draw_shop(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def catalogue(tmp_path: Path, shop: Path, model: ColourModel) -> Catalogue:
    made = Catalogue.create(tmp_path / "shop.lapel", model)
    made.add(shop)
    return made


def names(hits: list[lapel.Hit]) -> list[str]:
    return [hit.item for hit in hits]


def ask(tmp_path: Path, top: str, bottom: str) -> str:
    return str(draw(tmp_path / "queries" / f"{top}-{bottom}.png", top, bottom))


def test_one_attribute_ignores_the_other(catalogue: Catalogue, tmp_path: Path) -> None:
    query = ask(tmp_path, "green", "red")
    assert set(names(catalogue.search({query: "top"}, k=2))) == {"green-blue", "green-green"}
    assert set(names(catalogue.search({query: "bottom"}, k=2))) == {"red-red", "blue-red"}


def test_a_mix_of_two_photos_finds_the_item_that_has_both(catalogue: Catalogue, tmp_path: Path) -> None:
    green, blue = ask(tmp_path, "green", "green"), ask(tmp_path, "blue", "blue")
    hits = catalogue.search({green: {"top": 0.5}, blue: {"bottom": 0.5}})
    assert hits[0].item == "green-blue"
    assert hits[0].score == pytest.approx(sum(part.weight * part.cosine for part in hits[0].parts))
    assert [(part.attribute, part.weight) for part in hits[0].parts] == [("top", 0.5), ("bottom", 0.5)]


def test_weights_decide_and_are_normalised(catalogue: Catalogue, tmp_path: Path) -> None:
    query = ask(tmp_path, "blue", "green")
    mostly_top = catalogue.search({query: {"top": 9, "bottom": 1}})
    assert mostly_top[0].item == "blue-red"
    assert catalogue.search({query: {"top": 1, "bottom": 9}})[0].item == "green-green"
    assert [part.weight for part in mostly_top[0].parts] == [0.9, 0.1]
    assert names(catalogue.search({query: {"top": 0.9, "bottom": 0.1}})) == names(mostly_top)


def test_the_whole_look_finds_the_same_outfit(catalogue: Catalogue, tmp_path: Path) -> None:
    for top, bottom in OUTFITS.values():
        assert catalogue.search(ask(tmp_path, top, bottom), k=1)[0].item == f"{top}-{bottom}"


def test_every_item_is_its_own_first_hit(catalogue: Catalogue) -> None:
    for name in OUTFITS:
        first = catalogue.search({f"item:{name}": {"top": 1, "bottom": 1, "look": 1}}, k=1)[0]
        assert (first.item, first.score) == (name, pytest.approx(1.0, abs=1e-12))


def test_unlike_takes_away(catalogue: Catalogue, tmp_path: Path) -> None:
    red = ask(tmp_path, "red", "red")
    hits = catalogue.search({red: "top"}, unlike={red: "bottom"})
    assert hits[0].item == "red-blue"
    assert [part.weight for part in hits[0].parts] == [1.0, -1.0]


def test_a_filter_comes_before_the_ranking(catalogue: Catalogue, tmp_path: Path) -> None:
    red = ask(tmp_path, "red", "red")
    everything = names(catalogue.search({red: "top"}))
    assert names(catalogue.search({red: "top"}, where="price >= 20", k=9)) == [
        n for n in everything if n not in ("red-red", "blue-red")
    ]
    answer = catalogue.query(lapel.Query((lapel.Part(red, {"top": 1}),), where="title contains 'no. 2'"))
    assert (names(list(answer.hits)), answer.considered, answer.exact) == (["red-blue"], 1, True)
    assert catalogue.search({red: "top"}, where="price > 1000") == []


def test_a_hit_carries_what_the_table_said_and_what_the_model_sees(catalogue: Catalogue) -> None:
    hit = catalogue.search("item:red-blue", k=1)[0]
    assert hit.metadata["price"] == 20 and hit.metadata["title"] == "red-blue No. 2"
    assert "price" not in catalogue.search("item:blue-red", k=1)[0].metadata
    assert {name: value for name, (value, _) in hit.values.items()} == {"top": "red", "bottom": "blue"}
    assert hit.values["top"][1] > 0.9
    assert Path(hit.image).is_file()


def test_pictures_in_memory_and_mixed_references(catalogue: Catalogue, tmp_path: Path) -> None:
    picture = Image.open(ask(tmp_path, "green", "blue")).convert("RGBA")
    assert catalogue.search(picture, k=1)[0].item == "green-blue"
    hits = catalogue.search([(picture, "top"), ("item:green-green", ["bottom"])], unlike=[picture], k=1)
    assert hits[0].item == "green-green"


def test_a_query_by_item_needs_no_model(catalogue: Catalogue, model: ColourModel) -> None:
    before = model.embedded
    reopened = Catalogue.open(catalogue.folder)  # no model given: it was in memory
    assert reopened.search("item:red-red", k=1)[0].item == "red-red"
    assert model.embedded == before
    with pytest.raises(CatalogueError, match="was filled by a model in memory"):
        reopened.search("photo.jpg")


def test_wrong_queries_are_refused_with_a_suggestion(catalogue: Catalogue, tmp_path: Path) -> None:
    red = ask(tmp_path, "red", "red")
    with pytest.raises(UnknownName, match=r"Unknown attribute 'topp'. Did you mean 'top'\?"):
        catalogue.search({red: "topp"})
    with pytest.raises(UnknownName, match=r"Unknown item 'red-rad'. Did you mean 'red-red'\?"):
        catalogue.search("item:red-rad")
    with pytest.raises(UnknownName, match=r"Unknown column 'prize'. Did you mean 'price'\?"):
        catalogue.search(red, where="prize < 5")
    with pytest.raises(ImageMissing, match="there is no such file"):
        catalogue.search({str(tmp_path / "nowhere.jpg"): "top"})
    with pytest.raises(QueryError, match="a weight is a number above 0"):
        catalogue.search({red: {"top": -1}})
    with pytest.raises(QueryError, match="names no attribute"):
        catalogue.search({red: {}})
    with pytest.raises(QueryError, match="is no reference"):
        catalogue.search([(5, "top")])  # type: ignore[list-item]


def test_nothing_is_embedded_twice(catalogue: Catalogue, shop: Path, model: ColourModel) -> None:
    assert model.embedded == 5
    report = catalogue.add(shop)
    assert (report.new, report.unchanged, report.changed, report.updated, report.embedded) == (0, 5, 0, 0, 0)
    assert model.embedded == 5


def test_a_changed_photo_is_embedded_anew_and_keeps_its_place(catalogue: Catalogue, shop: Path, tmp_path: Path) -> None:
    draw(shop / "red-red.png", "white", "white")
    report = catalogue.add(shop)
    assert (report.new, report.unchanged, report.changed, report.embedded) == (0, 4, 1, 1)
    assert catalogue.items().ids == tuple(OUTFITS)
    assert catalogue.search(ask(tmp_path, "white", "white"), k=1)[0].item == "red-red"
    assert len(catalogue) == 5


def test_new_photos_are_added_behind(catalogue: Catalogue, shop: Path) -> None:
    draw(shop / "white.png", "white", "white")
    with (shop / "labels.csv").open("a") as table:
        table.write("white,white.png,white,white,50,white\n")
    assert catalogue.add(shop).new == 1
    assert catalogue.items().ids == (*OUTFITS, "white")


def test_new_labels_and_metadata_are_stored_without_embedding(
    catalogue: Catalogue, shop: Path, model: ColourModel
) -> None:
    text = (shop / "labels.csv").read_text().replace(",20,", ",99,").replace("price,title", "price,title,size")
    lines = text.splitlines()
    (shop / "labels.csv").write_text(
        "\n".join([lines[0], *(line + ",XL" for line in lines[1:3]), *(line + "," for line in lines[3:])])
    )
    report = catalogue.add(shop)
    assert (report.unchanged, report.updated, model.embedded) == (5, 2, 5)
    assert catalogue.items().table["price"].to_pylist() == [10, 99, 30, 40, None]
    assert catalogue.items().table["size"].to_pylist() == ["XL", "XL", None, None, None]
    assert names(catalogue.search("item:red-red", where="size = 'XL'")) == ["red-red", "red-blue"]


def test_the_same_bytes_under_another_name_are_not_embedded_again(
    catalogue: Catalogue, shop: Path, tmp_path: Path, model: ColourModel
) -> None:
    other = tmp_path / "more"
    other.mkdir()
    shutil.copy(shop / "red-red.png", other / "copy one.png")
    shutil.copy(shop / "red-red.png", other / "copy two.png")
    draw(other / "white.png", "white", "white")
    report = catalogue.add(other)
    assert (report.new, report.embedded, model.embedded) == (3, 1, 6)
    table = catalogue.embeddings()
    first, copy = table.ids.index("red-red"), table.ids.index("copy two.png")
    np.testing.assert_array_equal(table.outputs.embeddings[first], table.outputs.embeddings[copy])


def test_unreadable_photos_are_listed_and_never_fatal(catalogue: Catalogue, shop: Path) -> None:
    (shop / "empty.png").write_bytes(b"")
    (shop / "text.png").write_bytes(b"no picture")
    draw(shop / "white.png", "white", "white")
    with (shop / "labels.csv").open("a") as table:
        table.write("e,empty.png,,,,\nm,missing.png,,,,\nt,text.png,,,,\nw,white.png,,,,\n")
    report = catalogue.add(shop)
    assert report.new == 1 and "w" in catalogue
    assert [error.path.name for error in report.unreadable] == ["empty.png", "missing.png", "text.png"]
    assert isinstance(report.unreadable[0], ImageEmpty)
    assert json.loads(json.dumps(report.to_dict()))["unreadable"][1]["problem"].endswith(
        "remove the row that names it."
    )


def test_strict_stops_at_the_first_unreadable_photo(tmp_path: Path, shop: Path, model: ColourModel) -> None:
    (shop / "red-blue.png").write_bytes(b"")
    made = Catalogue.create(tmp_path / "strict.lapel", model)
    with pytest.raises(ImageEmpty, match=r"red-blue\.png: the file is empty"):
        made.add(shop, strict=True)
    assert len(made) == 0
    assert made.add(shop).new == 4


def test_a_label_table_beside_the_folder(tmp_path: Path, shop: Path, model: ColourModel) -> None:
    table = tmp_path / "elsewhere.csv"
    shutil.move(shop / "labels.csv", table)
    made = Catalogue.create(tmp_path / "two.lapel", model)
    assert made.add(shop, labels=table).new == 5
    assert made.items().table["price"].to_pylist() == [10, 20, 30, 40, None]
    with pytest.raises(InputError, match="is no folder"):
        made.add(table, labels=table)


def test_a_table_of_paths_from_its_own_folder_is_told_which_folder_to_give(
    tmp_path: Path, shop: Path, model: ColourModel
) -> None:
    table, inside = tmp_path / "labels.csv", f"{shop.name}/red-red.png"
    table.write_text(f"id,image\nred-red,{inside}\n")
    made = Catalogue.create(tmp_path / "three.lapel", model)
    with pytest.raises(InputError, match="names its photos from its own folder .* or the table alone"):
        made.add(shop, labels=table)
    assert len(made) == 0
    assert made.add(tmp_path, labels=table).new == 1
    assert made.add(table).unchanged == 1


def test_one_id_for_two_photos_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    other = tmp_path / "other"
    draw(other / "a.png", "white", "white")
    (other / "labels.csv").write_text("id,image\nred-red,a.png\n")
    with pytest.raises(CatalogueError, match="Item 'red-red' is stored from .*another photo under the same id"):
        catalogue.add(other)


def test_removing(catalogue: Catalogue) -> None:
    assert catalogue.remove(["red-red", "nobody"]) == 1
    assert len(catalogue) == 4 and "red-red" not in catalogue
    assert len(Catalogue.open(catalogue.folder)) == 4


def test_items_and_embeddings_line_up(catalogue: Catalogue, model: ColourModel) -> None:
    items, table = catalogue.items(), catalogue.embeddings()
    assert items.ids == table.ids == tuple(OUTFITS)
    assert table.card.fingerprint == model.card.fingerprint
    np.testing.assert_allclose(np.linalg.norm(table.outputs.embeddings, axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(table.outputs.regions.sum(axis=(2, 3)), 1, atol=1e-3)
    np.testing.assert_allclose(table.outputs.values.reshape(5, 2, 3).sum(axis=-1), 1, atol=1e-6)
    assert table.outputs.composed is None


def test_loose_photos_without_any_column_are_searched(tmp_path: Path, shop: Path, model: ColourModel) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    for photo in shop.rglob("*.png"):
        shutil.copy(photo, loose / photo.name)
    catalogue = Catalogue.create(tmp_path / "loose.lapel", model=model)
    catalogue.add(loose)
    hits = catalogue.search(like={loose / "red-blue.png": {"top": 1.0}}, k=3)
    assert hits[0].item.startswith("red-") and dict(hits[0].metadata) == {}
    assert len(catalogue.search(like={loose / "red-blue.png": {"top": 1.0}}, where="id = 'red-blue.png'", k=3)) == 1


def test_label_columns_come_back_as_attributes_and_filter_value_by_value(
    tmp_path: Path, shop: Path, model: ColourModel
) -> None:
    made = Catalogue.create(tmp_path / "labelled.lapel", model)
    made.add(lapel.read(shop, attributes=["top_colour", "bottom_colour"]))
    items = Catalogue.open(made.folder).items()
    assert items.vocabulary.names == ("top_colour", "bottom_colour")
    assert items[1].labels["bottom_colour"] == frozenset({"red", "blue"})
    assert items.metadata_names == ("price", "title")
    found = names(made.search("item:red-red", where="bottom_colour = 'blue'"))
    assert sorted(found) == ["blue-red", "green-blue", "red-blue"]


def test_columns_with_our_own_names_step_aside(tmp_path: Path, model: ColourModel) -> None:
    draw(tmp_path / "s" / "a.png", "red", "red")
    (tmp_path / "s" / "labels.csv").write_text("id,image,hash,look,price.eur\n1,a.png,h,casual,5\n")
    made = Catalogue.create(tmp_path / "own.lapel", model)
    made.add(tmp_path / "s")
    hits = made.search("item:1", where="look_ = 'casual' and hash_ = 'h' and \"price.eur\" = 5")
    assert hits[0].metadata == {"hash_": "h", "look_": "casual", "price.eur": 5}


def test_another_models_catalogue_is_refused(catalogue: Catalogue, shop: Path) -> None:
    with pytest.raises(CatalogueError) as refusal:
        Catalogue.open(catalogue.folder, ColourModel(weights="others"))
    card = catalogue.manifest.card
    other = ColourModel(weights="others").card
    assert str(refusal.value) == (
        f"{catalogue.folder} was filled by model 'colours' ({card.fingerprint}); the model offered is 'colours' "
        f"({other.fingerprint}), whose embeddings cannot be compared with it. Use the model that filled it, or "
        "index the photos into a new catalogue."
    )


def test_a_second_writer_is_refused_while_reading_goes_on(catalogue: Catalogue, shop: Path, model: ColourModel) -> None:
    with writing(catalogue.folder):
        with pytest.raises(CatalogueError, match="is being written by another process"):
            catalogue.add(shop)
        assert len(Catalogue.open(catalogue.folder, model).search("item:red-red")) == 5


def test_what_another_process_stored_is_not_overwritten(catalogue: Catalogue, shop: Path, model: ColourModel) -> None:
    other = Catalogue.open(catalogue.folder, model)
    draw(shop.parent / "x" / "x.png", "white", "white")
    other.add(shop.parent / "x")
    assert catalogue.add(shop).unchanged == 5
    assert len(catalogue) == 6


def test_info(catalogue: Catalogue) -> None:
    info = json.loads(json.dumps(catalogue.info()))
    assert info["items"] == 5 and info["attributes"] == ["top", "bottom"] and info["model"] == "colours"
    assert info["columns"]["price"] == "int64" and info["bytes"] > 1000
    assert info["created_by"] == f"lapel {lapel.__version__}"


def test_creating_where_something_is(tmp_path: Path, catalogue: Catalogue, model: ColourModel) -> None:
    with pytest.raises(CatalogueError, match="is a catalogue already"):
        Catalogue.create(catalogue.folder, model)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(CatalogueError, match="is not empty"):
        Catalogue.create(tmp_path / "mine", model)
    with pytest.raises(CatalogueError, match="is a file"):
        Catalogue.create(tmp_path / "mine" / "thesis.txt", model)
    half = tmp_path / "half.lapel"
    shutil.copytree(catalogue.folder, half)
    (half / "catalogue.json").unlink()  # killed while it was made
    assert len(Catalogue.create(half, model)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "cannot be read"),
        (lambda text: text[:100], "cannot be read"),
        (lambda text: "[]", "has catalogue format None"),
        (lambda text: text.replace('"format": 1', '"format": 99', 1), "has catalogue format 99; this version of Lapel"),
        (lambda text: text.replace('"colours"', '"others"').replace('"dim": 3', '"dim": 4'), "is damaged"),
        (lambda text: text.replace('"table_version"', '"table"'), "is damaged"),
    ],
)
def test_a_damaged_catalogue_json_is_refused(catalogue: Catalogue, change: object, message: str) -> None:
    path = catalogue.folder / "catalogue.json"
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(CatalogueError, match=message):
        Catalogue.open(catalogue.folder)


def test_no_catalogue_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"is not a catalogue \(no catalogue.json in it\)"):
        Catalogue.open(tmp_path)


def test_a_power_cut_costs_the_newest_state_only_and_is_said(catalogue: Catalogue, model: ColourModel) -> None:
    newest = min((catalogue.folder / "items.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(b"")
    with pytest.warns(RuntimeWarning, match="as after a power cut"):
        reopened = Catalogue.open(catalogue.folder, model)
    assert reopened.store.version == catalogue.store.version - 1
