"""The exception tree that people read in `errors.py` is the tree that Python has."""

from __future__ import annotations

import inspect
import re

from lapel import errors


def _drawn() -> dict[str, str]:
    """Class -> parent, as the module docstring draws it: four characters of indent a level."""
    assert errors.__doc__
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^ {4}([│├└─ ]*)([A-Z]\w+)", line)
        if found:
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            parents[found[2]] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_drawing_names_every_class_under_its_true_parent() -> None:
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert {kind.__name__: kind.__base__.__name__ for kind in classes if kind.__base__} == _drawn()


def test_every_class_says_in_a_sentence_what_it_means() -> None:
    for name in _drawn():
        doc = getattr(errors, name).__doc__
        assert doc and doc.strip().endswith("."), name


def test_an_unknown_name_is_answered_with_the_nearest_and_the_list() -> None:
    message = str(errors.UnknownName("attribute", "sleve", ["neckline", "sleeve_length"], "This model"))
    assert message == (
        "Unknown attribute 'sleve'. Did you mean 'sleeve_length'? This model knows: neckline, sleeve_length."
    )


def test_a_missing_extra_says_what_to_type() -> None:
    message = str(errors.MissingExtra("Training"))
    assert message == "Training needs an extra that is not installed. Run: pip install 'lapel[train]'"
