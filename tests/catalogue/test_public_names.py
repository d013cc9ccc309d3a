"""What `lapel` offers is a list, and it keeps its word."""

from __future__ import annotations

import pytest

import lapel


def test_every_public_name_is_there() -> None:
    for name in lapel.__all__:
        assert getattr(lapel, name) is not None
        assert name in dir(lapel)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lapel' has no attribute 'Catalog'"):
        lapel.Catalog  # noqa: B018
