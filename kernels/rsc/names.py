"""Finds a part of the method by name: the exact kernel, the selection, the allocation."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Any


def check_name(package: str, what: str, name: str) -> None:
    """Raise ``ValueError`` with the nearest names where no file of `package` adds `name`."""
    folder = importlib.import_module(package).__path__
    known = sorted(entry.name for entry in pkgutil.iter_modules(folder) if not entry.name.startswith("_"))
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
        raise ValueError(f"{what} {name!r} is not known: nearest are {', '.join(nearest)}")


def find(package: str, constant: str, name: str) -> Any:
    """Return the `constant` of the file in `package` that adds `name`; the error names the nearest."""
    what = constant.lower()
    check_name(package, what, name)
    module = importlib.import_module(f"{package}.{name}")
    if not hasattr(module, constant):
        raise ValueError(f"{what} {name!r} is not known: kernels/{package.partition('.')[2]}/{name}.py defines no {constant}")
    return getattr(module, constant)
