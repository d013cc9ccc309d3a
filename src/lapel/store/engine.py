"""LanceDB, imported without the REST client that comes with it.

LanceDB imports `lance_namespace_urllib3_client.models`; entering that package for it also runs 360 generated
validators of calls to a remote service, which is most of the time that importing LanceDB takes (about 0.8 of 1.2 s)
and which nothing here makes. The package is therefore put in place unexecuted, so that its submodules can be imported,
and executes itself as soon as somebody asks it for anything else.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

_CLIENT = "lance_namespace_urllib3_client"


def _unexecuted(name: str) -> None:
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is None or spec.loader is None:
        return
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def executed(wanted: str) -> Any:
        if "__getattr__" in package.__dict__:
            del package.__dict__["__getattr__"]
            loader.exec_module(package)
        try:
            return package.__dict__[wanted]
        except KeyError:
            raise AttributeError(f"module '{name}' has no attribute '{wanted}'") from None

    package.__dict__["__getattr__"] = executed
    sys.modules[name] = package


_unexecuted(_CLIENT)

import lancedb as _lancedb  # noqa: E402

lancedb: Any = _lancedb
