"""Lapel: search fashion by its details.

    catalogue = lapel.Catalogue.create("shop.lapel")
    catalogue.add("photos/", labels="labels.csv")
    hits = catalogue.search(like={"query.jpg": {"neckline": 0.7, "sleeve_length": 0.3}}, k=20)

Every public name is imported when it is first used, so that `import lapel` costs nothing and the light install
never meets PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lapel.catalogue import AddReport, Catalogue
    from lapel.classifying import Classified
    from lapel.classifying.classify import classify
    from lapel.datasets import read
    from lapel.errors import LapelError
    from lapel.evaluation.photos import evaluate
    from lapel.interfaces.http import serve
    from lapel.schema import Answer, Hit, ItemTable, Part, Query

    __version__: str

_HOMES = {
    "AddReport": "lapel.catalogue",
    "Answer": "lapel.schema",
    "Catalogue": "lapel.catalogue",
    "Classified": "lapel.classifying",
    "Hit": "lapel.schema",
    "ItemTable": "lapel.schema",
    "LapelError": "lapel.errors",
    "Part": "lapel.schema",
    "Query": "lapel.schema",
    "classify": "lapel.classifying",
    "evaluate": "lapel.evaluation",
    "read": "lapel.datasets",
    "serve": "lapel.interfaces.http",
}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("lapel")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'lapel' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
