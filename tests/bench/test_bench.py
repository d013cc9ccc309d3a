"""Small runs of what measures: the figures are there, each with its repetitions, and brute force agrees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lapel import Catalogue, Part, Query
from lapel.bench import queries, run_bench
from lapel.bench.machine import machine, resident_mb
from lapel.bench.synthetic import synthetic
from lapel.errors import InputError, ModelError
from lapel.interfaces.cli.bench import command


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return synthetic(tmp_path_factory.mktemp("drawn") / "drawn.lapel", 700)


def test_drawn_vectors_are_a_catalogue_like_any_other(drawn: Catalogue) -> None:
    assert len(drawn) == 700 and len(drawn.attributes) == 8
    hit = drawn.search("item:5", where="price < 101", k=1)[0]
    assert hit.item == "5" and set(hit.metadata) == {"price", "stock", "brand", "title"} and len(hit.values) == 8
    block = drawn.searcher.collection.index.blocks["attribute 0"]
    np.testing.assert_allclose(np.linalg.norm(block, axis=1), 1, atol=1e-6)
    with pytest.raises(ModelError, match="ask it by item:ID"):
        drawn.search(Image.new("RGB", (9, 9)))


def test_every_kind_is_timed_and_held_against_brute_force(drawn: Catalogue) -> None:
    found = queries.measure(drawn, 3, 3, "price")
    assert list(found) == [kind.name for kind in queries.KINDS]
    for kind in queries.KINDS:
        row = found[kind.name]
        assert (row["repetitions"], row["checked"], row["recall"], row["exact"]) == (3, 3, 1.0, True)
        assert isinstance(row["considered"], int) and abs(row["considered"] - 700 * kind.share) < 30
        assert 0 < row["p50_ms"] <= row["p95_ms"]  # type: ignore[operator]
    assert list(queries.measure(drawn, 1)) == ["one attribute", "four weighted"]


def test_brute_force_is_the_search(drawn: Catalogue) -> None:
    query = Query((Part("item:3", {"attribute 1": 0.7, "look": 0.3}),), "stock < 50", 20)
    collection = drawn.searcher.collection
    rows = queries.brute_force(collection.index, query, collection.row, collection.allowed(query.where))
    assert [collection.ids[row] for row in rows] == [hit.item for hit in drawn.query(query).hits]


def test_the_machine_is_named() -> None:
    facts = machine()
    assert facts["processor"] and facts["cores"] and set(facts["versions"]) >= {"lapel", "onnxruntime"}  # type: ignore[call-overload]
    assert resident_mb() > 20


def test_a_whole_run_as_json_and_table() -> None:
    small = ["--items", "300", "--photos", "2", "--rounds", "2", "--queries", "2"]
    done = CliRunner().invoke(command, [*small, "--json"], catch_exceptions=False)
    data = json.loads(done.output)
    assert data["embedding"]["rounds"] == 2 and data["embedding"]["photos_a_second"] > 0
    assert data["catalogue"]["items"] == 300 and data["search"]["four weighted"]["recall"] == 1
    shown = CliRunner().invoke(command, small, catch_exceptions=False).output
    assert "photos a second" in shown and "four weighted, 1 %" in " ".join(shown.split())


def test_wrong_numbers_and_empty_catalogues_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="queries is 0; measuring needs at least one"):
        run_bench(queries=0)
    shop = Catalogue.create(tmp_path / "empty.lapel")
    with pytest.raises(InputError, match="holds no items"):
        run_bench(shop.folder, photos=1, rounds=1)
