"""Published releases under their own protocols, against plain loops over the release's own text files."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import releases
from evaluation_data import make_card
from lapel.compare import compare
from lapel.datasets import read
from lapel.errors import InputError, TableError
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.evaluation.protocols import usual_protocol
from lapel.evaluation.report import write_report
from lapel.evaluation.tables import score_table
from lapel.schema import EmbeddingTable, ItemTable, Outputs


def embeddings(items: ItemTable, dim: int = 8, seed: int = 0) -> EmbeddingTable:
    """Drawn unit vectors for every item and attribute."""
    vectors = np.random.default_rng(seed).standard_normal((len(items), len(items.vocabulary), dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    maps = np.ones((len(items), len(items.vocabulary), 1, 1), np.float32)
    values = np.ones((len(items), items.vocabulary.width), np.float32)
    outputs = Outputs(vectors, maps, values, np.ascontiguousarray(vectors[:, 0]))
    return EmbeddingTable(items.ids, outputs, make_card(items.vocabulary, dim))


def by_hand(root: Path, table: EmbeddingTable) -> tuple[dict[int, list[float]], list[float]]:
    """AP of every query, attribute by attribute and all together, straight from query_test and candidate_test."""
    place = {item: row for row, item in enumerate(table.ids)}
    lines = {
        kind: [tuple(map(int, line.split())) for line in (root / f"{kind}_test.txt").read_text().split("\n")]
        for kind in ("query", "candidate")
    }
    scores: dict[int, list[float]] = {}
    for image, attribute, value in lines["query"]:
        vectors = table.outputs.embeddings[:, attribute]
        ranked = sorted(
            ((float(vectors[place[f"test/{image}"]] @ vectors[place[f"test/{n}"]]), v) for n, a, v in lines["candidate"]
             if a == attribute), key=lambda pair: -pair[0],
        )  # fmt: skip
        hits = [rank for rank, (_, v) in enumerate(ranked, 1) if v == value]
        ap = sum((n + 1) / rank for n, rank in enumerate(hits)) / len(hits) if hits else 0.0
        scores.setdefault(attribute, []).append(ap)
    return scores, [ap for part in scores.values() for ap in part]


@pytest.mark.parametrize("name", ["fashionai", "darn", "deepfashion"])
def test_map_is_that_of_the_lists_for_each_attribute_over_queries_and_over_attributes(
    name: str, tmp_path: Path
) -> None:
    root = releases.MAKERS[name](tmp_path / name, test=9)
    items = read(root)
    found = evaluate_embeddings(embeddings(items), items, protocol=usual_protocol(items))
    scores, every = by_hand(root, embeddings(items))
    assert found.protocol == "query-gallery"
    for attribute, aps in scores.items():
        assert found.attributes[items.vocabulary.names[attribute]].map == pytest.approx(100 * np.mean(aps))
    assert found.overall == pytest.approx(100 * np.mean(every))
    assert found.mean == pytest.approx(100 * np.mean([np.mean(aps) for aps in scores.values()]))


def test_a_photo_that_asks_here_and_is_ranked_there(tmp_path: Path) -> None:
    items = read(releases.darn(tmp_path / "DARN"))
    column = items.table["role"].to_pylist()
    row = items.ids.index("test/3")
    column[row] = "query:sleeve length|gallery:clothes length"
    changed = items.table.set_column(items.table.column_names.index("role"), "role", [column])
    items = replace(items, table=changed)
    found = evaluate_embeddings(embeddings(items), items, protocol="query-gallery")
    assert "test/3" not in found.attributes["clothes length"].ids
    column[row] = "asker"
    wrong = replace(items, table=items.table.set_column(items.table.column_names.index("role"), "role", [column]))
    with pytest.raises(TableError, match="'asker' in column 'role' is neither query nor gallery"):
        evaluate_embeddings(embeddings(items), wrong, protocol="query-gallery")


def test_triplet_accuracy_against_a_loop_over_the_lists(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    items = read(root)
    table = embeddings(items)
    found = evaluate_embeddings(table, items, protocol=usual_protocol(items), split="test")
    place = {item: row for row, item in enumerate(table.ids)}
    every = []
    for k, condition in enumerate(releases.CONDITIONS):
        rights = []
        for line in (root / "tripletlists" / f"{condition}_tripletlist_test.txt").read_text().splitlines():
            anchor, far, close = (table.outputs.embeddings[place[word], k] for word in line.split())
            rights.append(float(anchor @ close) > float(anchor @ far))
        assert found.attributes[condition].map == pytest.approx(100 * np.mean(rights))
        assert found.attributes[condition].queries == 30
        every += rights
    assert found.overall == pytest.approx(100 * np.mean(every)) and found.chance == 50
    assert found.metric == "triplet accuracy" and found.low < found.overall < found.high


def test_a_tie_is_wrong_and_records_of_triplets_are_kept_and_compared(tmp_path: Path) -> None:
    items = read(releases.zappos50k(tmp_path / "z"))
    flat = embeddings(items)
    flat.outputs.embeddings[:] = flat.outputs.embeddings[:1]
    tied = evaluate_embeddings(flat, items, protocol="triplets")
    assert tied.overall == 0
    drawn = evaluate_embeddings(embeddings(items), items, protocol="triplets")
    again = Evaluation.load(drawn.save(tmp_path / "a.json"))
    assert again.metric == "triplet accuracy" and again.overall == pytest.approx(drawn.overall, abs=1e-4)
    difference = compare(Evaluation.load(tied.save(tmp_path / "b.json")), again).overall
    assert difference.difference == pytest.approx(drawn.overall, abs=1e-3)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(score_table(drawn))
    text = console.export_text()
    assert "triplet accuracy" in text and "MAP" not in text and f"{drawn.attributes['heel'].map:.2f}" in text
    with pytest.raises(InputError, match="the protocol 'triplets' has none"):
        write_report(drawn, items, tmp_path / "r.html")


def test_triplets_are_asked_of_data_that_has_none(tmp_path: Path) -> None:
    items = read(releases.fashionai(tmp_path / "FashionAI"))
    with pytest.raises(InputError, match="fashionai has no judged triplets, which the protocol 'triplets' counts"):
        evaluate_embeddings(embeddings(items), items, protocol="triplets")
    shoes = read(releases.zappos50k(tmp_path / "z"))
    with pytest.raises(
        InputError, match="split 'all' has no triplets of class, closure, gender, heel; it has triplets"
    ):
        evaluate_embeddings(embeddings(shoes), shoes, protocol="triplets", split="all")


def test_a_figure_of_a_part_says_of_which_part(tmp_path: Path) -> None:
    items = read(releases.fashionai(tmp_path / "FashionAI"))
    found = evaluate_embeddings(embeddings(items), items, protocol="query-gallery")
    assert not found.data.complete and (found.data.photos, found.data.expected) == (48, 18_000)
    assert any(
        note == "PARTIAL: 48 photos of the 18,000 in the published test split of fashionai took part, so these figures "
        "do not compare to a paper's" for note in found.notes
    )  # fmt: skip
    shoes = read(releases.zappos50k(tmp_path / "z"))
    shoes.paths[3].unlink()
    part = read(tmp_path / "z", missing="skip")
    notes = evaluate_embeddings(embeddings(part), part, protocol="triplets").notes
    assert any(note.startswith("PARTIAL: ") and "triplets name photos that are not there" in note for note in notes)


def test_a_split_is_whole_though_another_lost_photos(tmp_path: Path) -> None:
    root = releases.fashion14k(tmp_path / "f")  # its lists are their own measure: nothing is published
    items = read(root)
    items.paths[items.ids.index("train/4")].unlink()
    part = read(root, missing="skip")
    assert not part.complete and part.split("valid").complete and not part.split("train").complete
