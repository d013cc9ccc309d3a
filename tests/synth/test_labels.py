"""Which labels a drawn garment gets, and how fairly."""

from collections import Counter

import pytest

from lapel.synth.labels import ATTRIBUTES, labels_of, split_of

MANY = [labels_of(5, i) for i in range(2200)]

APPLIES = {
    "top": {"sleeve_length", "neckline_design"},
    "shirt": {"sleeve_length", "collar_design"},
    "sweater": {"sleeve_length", "neck_design"},
    "skirt": {"skirt_length"},
    "trousers": {"pant_length"},
    "coat": {"sleeve_length", "coat_length", "lapel_design"},
}


def test_at_least_ten_attributes_with_several_values_each() -> None:
    assert len(ATTRIBUTES) >= 10
    assert all(len(values) >= 4 for values in ATTRIBUTES.values())


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_values_are_reasonably_balanced(attribute: str) -> None:
    counts = Counter(labels[attribute] for labels in MANY if attribute in labels)
    assert set(counts) == set(ATTRIBUTES[attribute])
    fair = sum(counts.values()) / len(counts)
    assert 0.5 * fair < min(counts.values()) and max(counts.values()) < 2 * fair
    assert min(counts.values()) >= 50, "every value has enough examples to train and to evaluate"


@pytest.mark.parametrize("category", APPLIES)
def test_a_garment_has_only_the_attributes_that_apply(category: str) -> None:
    for labels in MANY:
        if labels["category"] == category:
            assert set(labels) == APPLIES[category] | {"category", "color", "pattern"}


def test_a_dress_has_one_design_at_the_neck_and_two_lengths() -> None:
    for labels in MANY:
        if labels["category"] == "dress":
            assert {"skirt_length", "sleeve_length"} <= set(labels)
            assert len({"neckline_design", "collar_design", "neck_design"} & set(labels)) == 1


def test_a_bare_neckline_has_no_sleeve() -> None:
    for labels in MANY:
        if labels.get("neckline_design") in ("strapless", "straight", "one-shoulder"):
            assert labels["sleeve_length"] == "sleeveless"


def test_splits_are_seven_to_one_to_two_in_every_ten() -> None:
    for start in range(0, 200, 10):
        assert Counter(split_of(3, start + i) for i in range(10)) == {"train": 7, "valid": 1, "test": 2}


def test_seeds_differ_and_splits_do_not_follow_the_row_number() -> None:
    assert [labels_of(0, i) for i in range(20)] != [labels_of(1, i) for i in range(20)]
    assert len({tuple(split_of(0, 10 * block + i) for i in range(10)) for block in range(20)}) > 15
