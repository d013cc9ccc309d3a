"""The small table and its embeddings as fixtures."""

from __future__ import annotations

import pytest

from evaluation_data import make_items, make_table
from lapel.schema import EmbeddingTable, ItemTable


@pytest.fixture
def items() -> ItemTable:
    return make_items()


@pytest.fixture
def table(items: ItemTable) -> EmbeddingTable:
    return make_table(items)
