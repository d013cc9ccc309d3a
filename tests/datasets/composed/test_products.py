from pathlib import Path
from random import Random

import pytest

from lapel.datasets import read
from lapel.datasets.composed.products import modifier, read_pairs
from lapel.errors import TableError

ROWS = """image,split,color,kind,name
a.jpg,test,Black,shirt,Plain black shirt
b.jpg,test,Red,shirt,Red shirt
c.jpg,test,Red,shirt,Another red shirt
d.jpg,test,Red,coat,Red coat
e.jpg,test,,coat,A coat
f.jpg,train,Black,coat,Black coat
"""


@pytest.fixture
def table(tmp_path: Path):
    (tmp_path / "labels.csv").write_text(ROWS)
    return read(tmp_path / "labels.csv", missing="ignore", metadata=["name"])


def test_every_photo_that_fits_the_modifier_is_right(table) -> None:
    found = read_pairs(table, ["color", "kind"], "test", each=9)
    labels = {row.split(",")[0]: tuple(row.split(",")[2:4]) for row in ROWS.splitlines()[1:]}
    asked = {q.id: q for q in found.queries}
    assert set(asked) == {"a.jpg:color=Red", "b.jpg:color=Black", "c.jpg:color=Black", "b.jpg:kind=coat",
                          "c.jpg:kind=coat", "d.jpg:kind=shirt"}  # fmt: skip
    assert asked["a.jpg:color=Red"].targets == ("b.jpg", "c.jpg")
    for query in found.queries:
        name, value = query.id.split(":")[1].split("=")
        at = ["color", "kind"].index(name)
        wanted = list(labels[query.reference])
        wanted[at] = value
        by_loop = tuple(i for i in found.galleries[""] if list(labels[i]) == wanted)
        assert query.targets == by_loop and query.reference not in query.targets
        assert value.lower() in query.captions[0]
    assert found.texts["a.jpg"] == "Plain black shirt"


def test_the_seed_decides(table) -> None:
    one = read_pairs(table, ["color", "kind"], "test", each=1, seed=3)
    assert one == read_pairs(table, ["color", "kind"], "test", each=1, seed=3)
    assert len({q.reference for q in one.queries}) == len(one.queries)
    texts = {tuple(q.captions for q in read_pairs(table, ["color", "kind"], "test", seed=s).queries) for s in range(6)}
    assert len(texts) > 1


def test_words_of_an_unknown_attribute_name_it() -> None:
    assert {modifier("heel_height", "low", "high", Random(n)) for n in range(20)} <= {
        "with heel height high", "heel height high instead of low", "change heel height to high"}  # fmt: skip


def test_no_partner_is_an_error(table) -> None:
    with pytest.raises(TableError, match="no two photos differ in just one"):
        read_pairs(table, ["color", "kind"], "train")
