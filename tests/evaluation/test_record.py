"""The saved evaluation: the agreed JSON, read back whole, refused with a sentence when it is not one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lapel.errors import ProtocolError
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.schema import EmbeddingTable, ItemTable


@pytest.fixture
def evaluation(items: ItemTable, table: EmbeddingTable) -> Evaluation:
    return evaluate_embeddings(table, items)


def test_the_agreed_keys(evaluation: Evaluation, items: ItemTable) -> None:
    data = evaluation.to_dict()
    assert {"protocol", "data", "model", "overall", "attributes"} <= set(data)
    assert data["data"] == {
        "name": "small",
        "fingerprint": evaluation.data.fingerprint,
        "split": "test",
        "complete": True,
        "photos": 45,
        "expected": 0,
    }
    assert re.fullmatch("[0-9a-f]{16}", evaluation.data.fingerprint)
    assert data["model"] == "toy" and data["protocol"] == "each-against-rest"
    agreed = {"map", "chance", "low", "high", "queries", "gallery", "empty"}
    assert all(agreed <= set(score) for score in data["attributes"].values())
    assert (
        1 < data["overall"] <= 100 and data["attributes"]["neckline"]["map"] > data["attributes"]["neckline"]["chance"]
    )


def test_it_comes_back_whole(evaluation: Evaluation, tmp_path: Path) -> None:
    path = evaluation.save(tmp_path / "deep" / "evaluation.json")
    loaded = Evaluation.load(path)
    assert loaded.to_dict() == evaluation.to_dict() == Evaluation.load(tmp_path / "deep").to_dict()
    np.testing.assert_allclose(loaded.attributes["neckline"].ap, evaluation.attributes["neckline"].ap, atol=1e-8)
    assert [p.name for p in path.parent.iterdir()] == ["evaluation.json"]


def test_queries_can_be_left_out(evaluation: Evaluation) -> None:
    short = evaluation.to_dict(per_query=False)
    assert "per_query" not in short and Evaluation.from_dict(short).attributes["neckline"].ids == ()


def test_what_is_not_an_evaluation_is_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    with pytest.raises(ProtocolError, match="a.json: no such file. Write an evaluation with: lapel evaluate"):
        Evaluation.load(file)
    file.write_text("{not json")
    with pytest.raises(ProtocolError, match="a.json is not JSON"):
        Evaluation.load(file)
    file.write_text("{}")
    with pytest.raises(ProtocolError, match="a.json is not an evaluation"):
        Evaluation.load(file)
    file.write_text(json.dumps(evaluation.to_dict() | {"format": 9}))
    with pytest.raises(ProtocolError, match="has evaluation format 9; this version of Lapel reads format 1"):
        Evaluation.load(file)
    broken = evaluation.to_dict()
    del broken["data"]["split"]
    file.write_text(json.dumps(broken))
    with pytest.raises(ProtocolError, match="incomplete evaluation"):
        Evaluation.load(file)


def test_the_data_fingerprint_follows_what_was_scored(items: ItemTable, table: EmbeddingTable) -> None:
    def of(given: ItemTable, **options: object) -> str:
        return evaluate_embeddings(table, given, **options).data.fingerprint

    whole = of(items)
    assert whole == of(items.select(["pattern", "neckline"]))  # however the table was read
    assert whole != of(items, attributes=["neckline"]) and whole != of(items, split="train")
    place = items.table.column_names.index("neckline")
    cells = items.table["neckline"].to_pylist()
    row = next(i for i, cell in enumerate(cells) if cell == "v" and i % 4)
    cells[row] = "round"
    changed = items.table.set_column(place, "neckline", pa.array(cells))
    assert whole != of(ItemTable(changed, items.vocabulary, items.root, "small"))
