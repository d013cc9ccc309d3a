"""Words, composed parts, predicted values, diversity, explanations and the search's laws, through `Catalogue`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from colour_model import COLOURS, NAMED, ColourModel, draw, draw_shop
from lapel import Catalogue, Part, Query
from lapel.errors import InputError, QueryError, UnknownName
from lapel.schema import Card, Floats, Outputs
from lapel.search import Searcher


class WordedModel(ColourModel):
    """Understands "red", "green" and "blue": the composed space is the mean colour of the whole picture."""

    def __init__(self) -> None:
        super().__init__("worded")
        self.card: Card = self.card.with_(composed_dim=3)

    def __call__(self, pixels: Floats) -> Outputs:
        plain = super().__call__(pixels)
        mean = pixels.mean(axis=(2, 3))
        composed = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
        return Outputs(plain.embeddings, plain.regions, plain.values, plain.look, composed)

    def encode_text(self, texts: list[str]) -> Floats:
        found = np.array([COLOURS[text] for text in texts], np.float32) / 127.5 - 1
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        assert outputs.composed is not None
        mixed = outputs.composed + 3 * self.encode_text(texts)
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_shop(tmp_path_factory.mktemp("shop")).parent


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Catalogue:
    made = Catalogue.create(tmp_path_factory.mktemp("plain") / "shop.lapel", ColourModel())
    made.add(shop)
    return made


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Catalogue:
    made = Catalogue.create(tmp_path_factory.mktemp("worded") / "shop.lapel", WordedModel())
    made.add(shop)
    return made


def names(answer_or_hits: object) -> list[str]:
    return [hit.item for hit in getattr(answer_or_hits, "hits", answer_or_hits)]


def test_words_rank_by_the_composed_embedding(worded: Catalogue) -> None:
    stored = worded.embeddings()
    model = WordedModel()
    assert stored.outputs.composed is not None
    hits = worded.search(text="blue", k=5)
    by_hand = stored.outputs.composed @ model.encode_text(["blue"])[0]
    told = [float(by_hand[stored.ids.index(name)]) for name in names(hits)]
    np.testing.assert_allclose(told, sorted(by_hand.tolist(), reverse=True), atol=1e-6)  # two outfits are equally blue
    np.testing.assert_allclose([hit.score for hit in hits], told, atol=1e-6)
    assert hits[0].score == pytest.approx(float(by_hand.max()), abs=1e-6)
    assert [(p.attribute, p.text, p.reference) for p in hits[0].parts] == [("words", "blue", "")]


def test_a_reference_changed_by_words(worded: Catalogue, shop: Path) -> None:
    stored, model = worded.embeddings(), WordedModel()
    assert stored.outputs.composed is not None
    row = stored.ids.index("red-red")
    wanted = stored.outputs.composed[row] + 3 * model.encode_text(["green"])[0]
    order = np.argsort(-(stored.outputs.composed @ wanted).round(4), kind="stable")
    by_item = worded.search(text={("item:red-red", "green"): 1.0}, k=5)
    by_photo = worded.search(text={(str(shop / "red-red.png"), "green"): 1.0}, k=5)
    ranked = [stored.ids[at] for at in order]
    assert names(by_photo) == ranked
    assert names(by_item) == [name for name in ranked if name != "red-red"]  # it is to be changed: no answer to itself
    assert by_item[0].parts[0].attribute == "composed" and by_item[0].parts[0].source == "item:red-red + “green”"


def test_words_beside_a_bare_photo_change_it(worded: Catalogue, shop: Path) -> None:
    changed = worded.search(text={("item:red-red", "green"): 1.0}, k=5)
    assert worded.search(like="item:red-red", text="green", k=5) == changed
    assert worded.search(like=["item:red-red"], text={"green": 1.0}, k=5) == changed
    with Image.open(shop / "red-red.png") as picture:
        in_memory = worded.search(like=picture, text="green", k=5)
    assert [name for name in names(in_memory) if name != "red-red"] == names(changed)
    assert [p.attribute for p in in_memory[0].parts] == ["composed"]

    mixed = worded.search(like=["item:red-red", ("item:green-blue", {"bottom": 0.5})], text={"green": 1.5}, k=5)
    terms = [(p.reference, p.attribute, p.text, p.weight) for p in mixed[0].parts]
    assert terms == [("item:red-red", "composed", "green", 0.75), ("item:green-blue", "bottom", "", 0.25)]
    for hit in mixed:
        assert hit.score == pytest.approx(sum(p.weight * p.cosine for p in hit.parts), abs=1e-6)


def test_a_text_that_nothing_fits_is_said_and_is_no_error(shop: Path, tmp_path: Path) -> None:
    model = WordedModel()
    model.card = model.card.with_(architecture={"composed": {"fits": {"words": "red green", "floor": 0.9}}})
    catalogue = Catalogue.create(tmp_path / "shop.lapel", model)
    catalogue.add(shop)
    unknown = "No item seems to fit 'blue' (the model was not taught 'blue'); these are the nearest."
    answer = catalogue.query(Query((Part.words("blue"),), k=3))
    assert answer.notes == (unknown,) and answer.to_dict()["notes"] == [unknown] and len(answer.hits) == 3
    assert catalogue.query(Query((Part.words("red"),), k=3)).notes == ()
    no_red = catalogue.query(Query((Part.words("red"), Part("item:red-red", {"top": 1.0})), "top_colour = 'blue'", 3))
    assert no_red.notes == ("No item seems to fit 'red'; these are the nearest.",)
    assert catalogue.query(Query((Part.composed("item:red-red", "blue"),))).notes == (unknown,)
    assert catalogue.query(Query((Part.words("red"), Part.words("blue", unlike=True)))).notes == ()
    assert catalogue.query(Query((Part.words("red"),), "price > 1000")).notes == ()


def test_words_stand_alone_when_asked_to_or_beside_attributes(worded: Catalogue) -> None:
    for like, apart in (("item:red-red", True), ({"item:red-red": "look"}, False), ({"item:red-red": "top"}, False)):
        hits = worded.search(like=like, text="green", k=5, apart=apart)
        assert [(p.reference, p.text) for p in hits[0].parts] == [("item:red-red", ""), ("", "green")]
    with pytest.raises(QueryError, match="change any of 'item:red-red' and 'item:green-blue'.*--apart"):
        worded.search(like=["item:red-red", "item:green-blue"], text="green")
    assert worded.search(like=["item:red-red", "item:green-blue"], text="green", apart=True)


def test_all_kinds_of_parts_add_up_with_their_weights(worded: Catalogue) -> None:
    query = Query(
        (Part("item:red-blue", {"top": 2, "look": 1}), Part.words("red", 1), Part("item:red-red", {"bottom": 2}, True))
    )
    answer = worded.query(query)
    assert [w.weight for w in answer.weights] == [0.5, 0.25, 0.25, -0.5]
    for hit in answer.hits:
        assert hit.score == pytest.approx(sum(part.weight * part.cosine for part in hit.parts), abs=1e-9)
    assert Query.from_dict(query.to_dict()) == query


def test_without_a_text_encoder_one_sentence(catalogue: Catalogue) -> None:
    for text in ("red", {("item:red-red", "green"): 1.0}):
        with pytest.raises(QueryError, match="model of this catalogue, 'colours', does not understand words; ask by"):
            catalogue.search(text=text)
    with pytest.raises(QueryError, match="at least one wish"):
        catalogue.search()


def test_a_query_from_elsewhere_names_no_file(catalogue: Catalogue, shop: Path) -> None:
    query = Query((Part(str(shop / "red-red.png"), {"top": 1}),))
    assert catalogue.query(query).hits
    with pytest.raises(QueryError, match="No photo '.*' came with this query"):
        catalogue.query(query, files=False)
    with pytest.raises(QueryError, match="No photo"):
        catalogue.explain(query, "red-red", files=False)
    picture = Image.open(shop / "red-red.png")
    assert catalogue.query(Query((Part("photo", {"top": 1}),)), {"photo": picture}, files=False).hits


def test_an_embedded_reference_is_not_embedded_again(catalogue: Catalogue, shop: Path) -> None:
    ready = catalogue.searcher.reference(shop / "red-red.png")
    model = catalogue.model()
    assert isinstance(model, ColourModel)
    before = model.embedded
    found = catalogue.query(Query((Part("photo:1", {"top": 1}),)), {"photo:1": ready}, files=False)
    assert names(found) == names(catalogue.search("item:red-red", k=5)) or found.hits[0].score == pytest.approx(1)
    assert model.embedded == before


def test_filters_on_what_the_model_sees(catalogue: Catalogue) -> None:
    assert set(names(catalogue.search("item:red-red", where="top = 'red' with confidence 0.9"))) == {
        "red-red",
        "red-blue",
    }
    where = "top != 'red' with confidence 0.9 and price < 40"
    assert names(catalogue.search("item:red-red", where=where)) == ["green-blue"] == catalogue.matching(where)
    answer = catalogue.query(Query((Part("item:red-red", {"top": 1}),), where))
    assert answer.considered == 1
    with pytest.raises(UnknownName, match="Unknown value of 'top' 'rad'. Did you mean 'red'"):
        catalogue.search("item:red-red", where="top = 'rad' with confidence 0.9")
    with pytest.raises(QueryError, match="no column of this catalogue, but its model predicts it"):
        catalogue.search("item:red-red", where="top = 'red'")


def _noisy(path: Path, seed: int, quality: int) -> None:
    """The same picture in other bytes for the same seed, another picture for another."""
    drawn = np.random.default_rng(seed).integers(0, 250, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(drawn).resize((128, 128), Image.Resampling.BICUBIC).save(path, quality=quality)


def test_near_duplicates_fold_into_the_best(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for seed in range(4):
        for quality in (95, 92, 88):
            _noisy(tmp_path / "photos" / f"{seed}-{quality}.jpg", seed, quality)
    made = Catalogue.create(tmp_path / "twins.lapel", ColourModel())
    made.add(tmp_path / "photos")
    query = "item:0-95.jpg"
    everything = names(made.search(query, k=12))
    hits = made.search(query, k=4, diverse=True)
    assert [hit.item for hit in hits] == [next(n for n in everything if n.startswith(h.item[0])) for h in hits]
    assert sorted(hit.item[0] for hit in hits) == ["0", "1", "2", "3"]
    for hit in hits:
        assert {name[0] for name in hit.folded} == {hit.item[0]} and len(hit.folded) == 2
    assert all(not hit.folded for hit in made.search(query, k=12))
    assert len(made.search(query, k=3, diverse=True)) == 3
    assert hits[0].to_dict()["folded"] == list(hits[0].folded)


def test_an_explanation_adds_up_and_shows_both_sides(catalogue: Catalogue, tmp_path: Path) -> None:
    photo = str(draw(tmp_path / "q.png", "red", "green"))
    query = Query((Part(photo, {"top": 0.75}), Part("item:green-blue", {"bottom": 0.25, "look": 1})))
    hit = catalogue.query(query).hits[0]
    found = catalogue.explain(query, hit.item)
    assert found.parts == hit.parts and found.score == pytest.approx(hit.score, abs=1e-12)
    assert sum(part.added for part in found.parts) == pytest.approx(found.score)
    assert found.attributes == ("top", "bottom")
    asked, item = found.references
    assert (asked.name, set(asked.regions), set(asked.values)) == (photo, {"top"}, {"top"})
    assert (item.name, set(item.regions)) == ("item:green-blue", {"bottom"})
    assert set(found.hit.regions) == {"top", "bottom"} == set(found.hit.values)
    np.testing.assert_allclose(found.hit.regions["top"], [[0.5, 0.5], [0, 0]])
    assert list(asked.values["top"])[0] == "red" and set(asked.values["top"]) == set(NAMED)
    assert sum(asked.values["top"].values()) == pytest.approx(1, abs=1e-5)
    again = hit.explain()
    assert again.to_dict() == found.to_dict()
    assert json.loads(json.dumps(found.to_dict()))["hit"]["thumb"].startswith("data:image/jpeg;base64,")


def test_an_explanation_is_saved_as_page_picture_or_facts(catalogue: Catalogue, tmp_path: Path) -> None:
    why = catalogue.search({"item:red-blue": {"top": 1, "bottom": 1}}, unlike={"item:red-red": "look"}, k=1)[
        0
    ].explain()
    page = why.save(tmp_path / "why.html").read_text()
    assert (
        "http" not in page.replace("http-equiv", "")
        and page.count("<figure>") == 5
        and "where the model looked" in page
    )
    with Image.open(why.save(tmp_path / "why.png")) as picture:
        assert picture.format == "PNG" and picture.size[0] > 200
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50
    assert json.loads(why.save(tmp_path / "why.json").read_text())["item"] == "red-blue"
    with pytest.raises(InputError, match=r"ends in none of \.html"):
        why.save(tmp_path / "why.txt")
    with pytest.raises(UnknownName, match="Did you mean 'red-red'"):
        catalogue.explain(Query((Part("item:red-red", {"top": 1}),)), "red-rad")


wishes = st.dictionaries(st.sampled_from(["top", "bottom", "look"]), st.floats(0.01, 10), min_size=1)
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(wishes, st.sampled_from(["red-red", "green-blue", "blue-red"]), st.floats(1e-3, 1e3))
@PROPERTY
def test_scaling_all_weights_changes_nothing(
    catalogue: Catalogue, weights: dict[str, float], item: str, factor: float
) -> None:
    first = catalogue.search({f"item:{item}": weights}, unlike={"item:red-blue": {"top": 0.5}})
    scaled = {name: factor * weight for name, weight in weights.items()}
    second = catalogue.search({f"item:{item}": scaled}, unlike={"item:red-blue": {"top": 0.5 * factor}})
    assert names(first) == names(second)
    np.testing.assert_allclose([h.score for h in first], [h.score for h in second], rtol=1e-9, atol=1e-12)


@given(
    wishes, st.sampled_from(["price > 15", "top = 'red' with confidence 0.8", "not (price > 15)", "id != 'red-red'"])
)
@PROPERTY
def test_filter_then_rank_is_rank_then_filter(catalogue: Catalogue, weights: dict[str, float], where: str) -> None:
    query = {"item:green-green": weights}
    allowed = set(catalogue.matching(where))
    assert names(catalogue.search(query, where=where)) == [n for n in names(catalogue.search(query)) if n in allowed]


@given(wishes, st.sampled_from(["red-red", "red-blue", "green-blue", "green-green", "blue-red"]))
@PROPERTY
def test_every_item_is_its_own_first_hit(catalogue: Catalogue, weights: dict[str, float], item: str) -> None:
    whole = {"top": 0.1, "bottom": 0.1} | weights  # an item that differs in what was not asked may tie
    assert catalogue.search({f"item:{item}": whole}, k=1)[0].item == item


@given(wishes, st.integers(1, 6))
@PROPERTY
def test_the_search_is_that_of_plain_loops(catalogue: Catalogue, weights: dict[str, float], k: int) -> None:
    table, whole = catalogue.embeddings(), sum(weights.values())
    reference = table.ids.index("blue-red")
    scores = []
    for row in range(len(table.ids)):
        score = 0.0
        for name, weight in weights.items():
            block = table.outputs.look if name == "look" else table.block(name)
            a, b = block[row].astype(float), block[reference].astype(float)
            score += weight / whole * float(a @ b) / float(np.sqrt(a @ a) * np.sqrt(b @ b))
        scores.append((-round(score, 10), row))
    hits = catalogue.search({"item:blue-red": weights}, k=k)
    assert names(hits) == [table.ids[row] for _, row in sorted(scores)[:k]]


def test_adding_an_item_never_removes_another_from_a_longer_list(tmp_path: Path, shop: Path) -> None:
    made = Catalogue.create(tmp_path / "growing.lapel", ColourModel())
    made.add(shop)
    queries = [{"item:red-red": {"top": 1}}, {"item:green-blue": {"top": 0.5, "bottom": 0.5}}]
    before = [names(made.search(query, k=4)) for query in queries]
    for place, (top, bottom) in enumerate([("white", "red"), ("red", "green"), ("blue", "blue")]):
        draw(tmp_path / f"more-{place}" / f"{top}{bottom}.png", top, bottom)
        made.add(tmp_path / f"more-{place}")
        after = [names(made.search(query, k=5)) for query in queries]
        for old, new in zip(before, after, strict=True):
            assert set(old) <= set(new) and [n for n in new if n in old] == old
        before = [names(made.search(query, k=4)) for query in queries]


def test_the_searcher_is_the_one_definition(catalogue: Catalogue) -> None:
    query = Query((Part("item:red-red", {"top": 1, "look": 2}),), "price < 40", 3)
    fresh = Searcher(catalogue.searcher.collection, catalogue.model).search(query)
    assert fresh.to_dict() == catalogue.query(query).to_dict()
