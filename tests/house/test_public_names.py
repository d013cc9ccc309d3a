"""The public names are a list that is changed on purpose."""

from __future__ import annotations

import inspect

import pytest

import lapel

PUBLIC = [
    "AddReport",
    "Answer",
    "Catalogue",
    "Classified",
    "Hit",
    "ItemTable",
    "LapelError",
    "Part",
    "Query",
    "__version__",
    "classify",
    "evaluate",
    "read",
    "serve",
]


def test_the_public_names_are_these() -> None:
    assert sorted(lapel.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(lapel))


def test_every_public_name_leads_to_something_documented() -> None:
    for name in lapel.__all__:
        found = getattr(lapel, name)
        if not isinstance(found, str):
            assert inspect.getdoc(found), name


def test_every_public_method_of_the_catalogue_is_typed_and_documented() -> None:
    for name, method in inspect.getmembers(lapel.Catalogue, callable):
        if not name.startswith("_"):
            assert inspect.getdoc(method), name
            assert inspect.signature(method).return_annotation is not inspect.Signature.empty, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lapel' has no attribute 'Catalog'"):
        lapel.Catalog  # noqa: B018
