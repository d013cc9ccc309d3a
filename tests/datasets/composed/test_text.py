from random import Random

import pytest

from lapel.datasets.composed import text
from lapel.datasets.composed.fashion200k import Changes, read_label_files, read_queries
from lapel.errors import TableError

TWO = [" is red... ", "has LONG sleeves, "]


def test_captions_join_as_published() -> None:
    assert text.joined(TWO) == "Is red and has LONG sleeves"
    assert text.joined(TWO, (1, 0)) == "Has long sleeves and is red"
    drawn = {draw: text.augmented(TWO, draw) for draw in (0.1, 0.25, 0.3, 0.5, 0.6, 0.9)}
    assert drawn[0.1] == text.joined(TWO) and drawn[0.3] == text.joined(TWO, (1, 0))
    assert drawn[0.6] == "Is red" and drawn[0.25] == drawn[0.5] == drawn[0.9] == "Has long sleeves"


def test_fashion200k_words() -> None:
    assert text.clean_fashion200k(" a.b & c*? ") == "adotmarkb andmark cstarmarkquestionmark"
    assert text.replacement("black lace dress", "red lace dress") == "replace black with red"
    assert text.replacement("a b", "b a") == "replace b with a"  # nothing is missing: the last words
    assert text.parent("black leather jacket", "leather") == "black jacket"
    assert text.parent("black leather jacket", "leather", 4) == "black  jacket"
    assert text.parent("red tailored coat", "red") == "tailo coat"  # as a substring, as published


FILES = {
    "dress_train_detect_all.txt": ["a\t1\tblack dress", "b\t1\tred dress", "c\t1\tred dress", "d\t1\tgreen hat"],
    "dress_test_detect_all.txt": ["x\t1\tblack dress", "y\t1\tred dress "],
}


def test_pairs_differ_in_one_word_and_never_repeat() -> None:
    changes = Changes(read_label_files(FILES, "train"))
    assert [changes.modifiable(path) for path in "abcd"] == [True, True, True, False]
    pairs = changes.pairs(Random(0))
    assert {frozenset((p.reference, p.target)) for p in pairs} == {frozenset("ab"), frozenset("ac")}
    assert len(pairs) == 2
    for pair in pairs:
        assert pair.modifier in ("replace black with red", "replace red with black")
    assert changes.pairs(Random(0)) == pairs


def test_queries_name_what_they_lack() -> None:
    test = read_label_files(FILES, "test")
    (query,) = read_queries(["x y"], test)
    assert (query.modifier, query.captions) == ("replace black with red", ("black dress", "red dress"))
    with pytest.raises(TableError, match="line 1: 'z' is in no label file"):
        read_queries(["x z"], test)
    with pytest.raises(TableError, match="1 paths"):
        read_queries(["x"], test)
    with pytest.raises(TableError, match="2 columns"):
        read_label_files({"a_train.txt": ["p\tq"]}, "train")
