"""`--like` as people type it: paths with colons, equals signs and drive letters stay paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapel.errors import QueryError, UnknownName
from lapel.schema import Part
from lapel.search import parse_reference, with_words

ATTRIBUTES = ("neckline", "sleeve length")
ITEMS = {"7", "a:b", "a:neckline", "x=3", "neckline"}


def read(text: str) -> Part:
    return parse_reference(text, ATTRIBUTES, ITEMS.__contains__)


@pytest.mark.parametrize(
    ("text", "reference", "weights"),
    [
        ("a.jpg", "a.jpg", {"look": 1}),
        ("a.jpg:neckline", "a.jpg", {"neckline": 1}),
        ("a.jpg:neckline=0.7", "a.jpg", {"neckline": 0.7}),
        ("a.jpg:sleeve length = 2", "a.jpg", {"sleeve length": 2}),
        ("a.jpg:neckline=0.7,sleeve length=0.3", "a.jpg", {"neckline": 0.7, "sleeve length": 0.3}),
        ("a.jpg:look=0.5,neckline", "a.jpg", {"look": 0.5, "neckline": 1}),
        (r"C:\photos\a.jpg", r"C:\photos\a.jpg", {"look": 1}),
        (r"C:\photos\a.jpg:neckline=0.7", r"C:\photos\a.jpg", {"neckline": 0.7}),
        ("C:/photos/size=3.jpg", "C:/photos/size=3.jpg", {"look": 1}),
        ("12:30 shot.jpg", "12:30 shot.jpg", {"look": 1}),
        ("12:30 shot.jpg:neckline", "12:30 shot.jpg", {"neckline": 1}),
        ("size=3.jpg:neckline=1e-1", "size=3.jpg", {"neckline": 0.1}),
        ("a.jpg:", "a.jpg:", {"look": 1}),
        (":neckline", ":neckline", {"look": 1}),
        ("item:7", "item:7", {"look": 1}),
        ("item:7:neckline=0.7", "item:7", {"neckline": 0.7}),
        ("item:a:b", "item:a:b", {"look": 1}),
        ("item:a:b:neckline", "item:a:b", {"neckline": 1}),
        ("item:a:neckline", "item:a:neckline", {"look": 1}),
        ("item:neckline", "item:neckline", {"look": 1}),
        ("item:gone", "item:gone", {"look": 1}),
        ("item:x=3", "item:x=3", {"look": 1}),
    ],
)
def test_reading(text: str, reference: str, weights: dict[str, float]) -> None:
    assert read(text) == Part(reference, weights)


def test_a_file_that_exists_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg:neckline=0.7").write_bytes(b"x")
    assert read("a.jpg:neckline=0.7") == Part("a.jpg:neckline=0.7", {"look": 1})


def test_unlike() -> None:
    assert parse_reference("a.jpg:neckline", ATTRIBUTES, ITEMS.__contains__, unlike=True).unlike


@pytest.mark.parametrize("text", ["a.jpg:necklin=0.7", "item:7:necklin", "item:a:b:necklin=1"])
def test_a_misspelt_attribute_gets_a_suggestion(text: str) -> None:
    with pytest.raises(UnknownName, match="Unknown attribute 'necklin'. Did you mean 'neckline'"):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "A reference is empty"),
        ("a.jpg:neckline=much", "The weight of 'neckline' in 'a.jpg:neckline=much' is 'much'; write a number"),
        ("a.jpg:neckline=", "is ''; write a number"),
        ("a.jpg:neckline=0", "The weight of 'neckline' is 0.0; a weight is a number above 0."),
        ("a.jpg:neckline=-1", "a weight is a number above 0."),
        ("a.jpg:neckline=nan", "a weight is a number above 0."),
        ("a.jpg:neckline=1,neckline=2", "names an attribute twice"),
    ],
)
def test_wrong_weights(text: str, message: str) -> None:
    with pytest.raises(QueryError) as refusal:
        read(text)
    assert message in str(refusal.value)


BARE, NECKLINE = Part("a.jpg", {"look": 1.0}), Part("b.jpg", {"neckline": 0.7})


def test_words_change_the_bare_photo_and_nothing_else() -> None:
    red, longer = Part.words("in red", 2), Part.words("longer")
    changes = (Part.composed("a.jpg", "in red", 2), Part.composed("a.jpg", "longer"))
    assert with_words([(NECKLINE, False), (BARE, True)], [red, longer]) == (NECKLINE, *changes)
    assert with_words([(BARE, True)], [red], apart=True) == (BARE, red)
    assert with_words([(BARE, False)], [red]) == (BARE, red), "its look was asked for by name"
    assert with_words([], [red]) == (red,) and with_words([(BARE, True)], []) == (BARE,)
    with pytest.raises(QueryError, match="'a.jpg' and 'c.jpg'.*--change"):
        with_words([(BARE, True), (Part("c.jpg", {"look": 1.0}), True)], [red])
