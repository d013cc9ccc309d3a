"""Evaluations against plain loops over items, under each protocol, and what they refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evaluation_data import make_items, make_table
from lapel.errors import InputError, TableError, UnknownName
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.evaluation.metrics import chance_ap
from lapel.schema import EmbeddingTable, ItemTable, Outputs, Vocabulary


def plain_scores(
    items: ItemTable, table: EmbeddingTable, name: str, asks, ranks, same
) -> tuple[list[float], list[float]]:
    """AP and chance of every query, by the definition, from the records a person sees."""
    rows = [row for row, item in enumerate(items) if item.split == "test" and name in item.labels]
    labels = {row: items[row].labels[name] for row in rows}
    vectors = table.block(name)
    aps, chances = [], []
    for place, q in enumerate(rows):
        if not asks(place, q):
            continue
        gallery = [g for other, g in enumerate(rows) if ranks(other, g) and not same(q, g)]
        order = sorted(gallery, key=lambda g: (-float(np.dot(vectors[q], vectors[g])), g))
        found = [k for k, g in enumerate(order, start=1) if labels[q] & labels[g]]
        aps.append(sum(i / k for i, k in enumerate(found, start=1)) / len(found) if found else 0.0)
        chances.append(float(chance_ap(len(found), len(order))))
    return aps, chances


RULES = {
    "each-against-rest": (lambda i, q: True, lambda i, g: True, lambda q, g: q == g),
    "every-fifth": (lambda i, q: i % 5 == 0, lambda i, g: i % 5 != 0, lambda q, g: False),
    "query-gallery": (lambda i, q: q % 3 == 0, lambda i, g: g % 3 != 0, lambda q, g: False),
}


@pytest.mark.parametrize("protocol", RULES)
def test_each_protocol_is_its_definition(items: ItemTable, table: EmbeddingTable, protocol: str) -> None:
    found = evaluate_embeddings(table, items, protocol=protocol)
    every, chance = [], []
    for name in ("neckline", "pattern"):
        aps, chances = plain_scores(items, table, name, *RULES[protocol])
        score = found.attributes[name]
        np.testing.assert_allclose(score.ap, aps, atol=1e-12)
        assert score.map == pytest.approx(100 * np.mean(aps))
        assert score.chance == pytest.approx(100 * np.mean(chances))
        assert score.queries == len(aps) and score.low < score.map < score.high
        every, chance = every + aps, chance + chances
    assert found.overall == pytest.approx(100 * np.mean(every))
    assert found.chance == pytest.approx(100 * np.mean(chance))
    assert found.mean == pytest.approx(np.mean([s.map for s in found.attributes.values()]))
    assert found.low < found.overall < found.high


def test_an_attribute_without_labels_is_left_out_and_said(items: ItemTable, table: EmbeddingTable) -> None:
    found = evaluate_embeddings(table, items)
    assert set(found.attributes) == {"neckline", "pattern"}
    assert found.skipped == {"rare": "no labelled item in this split"}


def test_near_duplicates_leave_the_ranking_together(items: ItemTable, table: EmbeddingTable) -> None:
    pairs = {f"item-{i}": i // 2 for i in range(len(items))}
    found = evaluate_embeddings(table, items, groups=pairs)
    aps, _ = plain_scores(
        items, table, "neckline", RULES["each-against-rest"][0], lambda i, g: True, lambda q, g: q // 2 == g // 2
    )
    np.testing.assert_allclose(found.attributes["neckline"].ap, aps, atol=1e-12)
    assert "its near duplicates (30 items in 15 groups)" in found.near_duplicates
    assert "were not looked for" in evaluate_embeddings(table, items).near_duplicates


def test_recall_is_the_share_of_queries_with_a_hit(items: ItemTable, table: EmbeddingTable) -> None:
    found = evaluate_embeddings(table, items)
    for name, detail in found.details.items():
        hits = [
            [
                bool(items.split("test")[q].labels[name] & items.split("test")[detail.task.gallery[g]].labels[name])
                for g in top
            ]
            for q, top in zip(detail.task.queries, detail.ranked.top, strict=True)
        ]
        score = found.attributes[name]
        for k, figure in ((1, score.r1), (5, score.r5), (10, score.r10)):
            assert figure == pytest.approx(100 * np.mean([any(h[:k]) for h in hits]))


def test_given_lists_need_no_column(items: ItemTable, table: EmbeddingTable) -> None:
    test = items.split("test")
    queries = [i for i in test.ids if int(i.split("-")[1]) % 3 == 0]
    gallery = [i for i in test.ids if int(i.split("-")[1]) % 3]
    lists = {"neckline": (queries, gallery), "pattern": (queries, gallery)}
    given = evaluate_embeddings(table, items, protocol="query-gallery", lists=lists)
    read = evaluate_embeddings(table, items, protocol="query-gallery")
    assert given.to_dict() == read.to_dict() | {"skipped": given.to_dict()["skipped"]}
    with pytest.raises(TableError, match="the lists name 'nobody', which is not an id of this split"):
        evaluate_embeddings(table, items, protocol="query-gallery", lists={"neckline": (["nobody"], gallery)})


def test_a_query_whose_value_nobody_else_has_scores_0_and_counts() -> None:
    items = make_items(neckline=["square"] * 2 + ["v"] * 58)
    items = items.take(np.arange(1, 60))  # one square neckline is left
    found = evaluate_embeddings(make_table(items), items, attributes=["neckline"])
    score = found.attributes["neckline"]
    assert score.empty == 1 and score.ap[0] == 0 and score.queries == 45
    assert score.ap[1:].min() > 0 and found.overall == pytest.approx(100 * score.ap.sum() / 45)


def test_items_without_an_embedding_make_the_data_partial(items: ItemTable, table: EmbeddingTable) -> None:
    keep = slice(10, None)
    outputs = Outputs(*(getattr(table.outputs, f)[keep] for f in ("embeddings", "regions", "values", "look")))
    found = evaluate_embeddings(EmbeddingTable(table.ids[keep], outputs, table.card), items)
    assert not found.data.complete and evaluate_embeddings(table, items).data.complete
    assert found.notes == ("7 of 45 items of the split have no embedding and took no part",)


def test_attributes_of_one_side_are_said_and_none_in_common_is_an_error(
    items: ItemTable, table: EmbeddingTable
) -> None:
    fewer = items.select(["pattern", "rare"])
    assert evaluate_embeddings(table, fewer).notes == ("known to the model, not in the data: neckline",)
    other = dataclasses.replace(table.card, vocabulary=Vocabulary.of({"neck_line": "ab", "x": "c", "y": "d"}))
    with pytest.raises(
        InputError, match="No attribute in common: the model 'toy' knows neck_line, x, y; .*'neckline' may be"
    ):
        evaluate_embeddings(dataclasses.replace(table, card=other), items)


def test_wrong_names_get_a_suggestion(items: ItemTable, table: EmbeddingTable) -> None:
    with pytest.raises(UnknownName, match="Unknown attribute 'neckliner'. Did you mean 'neckline'"):
        evaluate_embeddings(table, items, attributes=["neckliner"])
    with pytest.raises(UnknownName, match="Unknown protocol 'each-against-all'. Did you mean 'each-against-rest'"):
        evaluate_embeddings(table, items, protocol="each-against-all")
    with pytest.raises(TableError, match="split 'valid' is empty; it has: test, train"):
        evaluate_embeddings(table, items, split="valid")


def test_query_gallery_without_lists_says_what_to_do(items: ItemTable, table: EmbeddingTable) -> None:
    bare = ItemTable(items.table.drop_columns(["role"]), items.vocabulary, items.root, "bare")
    with pytest.raises(TableError, match="needs a column 'role' holding query or gallery.*each-against-rest"):
        evaluate_embeddings(table, bare, protocol="query-gallery")
    odd = items.table.set_column(items.table.column_names.index("role"), "role", [["candidate"] * 60])
    with pytest.raises(TableError, match="'candidate' in column 'role' is neither query nor gallery"):
        evaluate_embeddings(table, ItemTable(odd, items.vocabulary, items.root, "odd"), protocol="query-gallery")


def test_nothing_to_evaluate_is_an_error(items: ItemTable, table: EmbeddingTable) -> None:
    with pytest.raises(InputError, match="no attribute can be evaluated .rare: no labelled item in this split"):
        evaluate_embeddings(table, items, attributes=["rare"])


def test_the_same_seed_gives_the_same_record(items: ItemTable, table: EmbeddingTable) -> None:
    one, two = (evaluate_embeddings(table, items, seed=5) for _ in range(2))
    assert isinstance(one, Evaluation) and one.to_dict() == two.to_dict()
    assert evaluate_embeddings(table, items, seed=6).low != one.low
