"""Turns a folder of plug-in files into the plug-ins in it: the only registration there is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

# Packages a plug-in may do without: their absence is a reason, any other failed import is a bug and stops the run.
OPTIONAL = {
    "torch": "pip install torch",
    "numba": "pip install numba",
    "triton": "pip install triton",
    "torch_sparse": "tox run -e baselines, or pip install --no-build-isolation torch-scatter torch-sparse",
    "torch_scatter": "tox run -e baselines, or pip install --no-build-isolation torch-scatter torch-sparse",
    "torch_geometric": "pip install torch-geometric",
    "ogb": "pip install ogb",
    "pynvml": "pip install nvidia-ml-py",
    "plotly": "pip install plotly",
    "pandas": "pip install pandas",
    "ray": "pip install ray",
    "sknetwork": "pip install scikit-network",
}


class PluginError(Exception):
    """A plug-in file that cannot be loaded; the message names the file and what it raised."""


class Plugins(Mapping[str, Any]):
    """The plug-ins of one kind by name, and beside them what could not be loaded and why."""

    def __init__(self, found: dict[str, Any], missing: dict[str, str]) -> None:
        self._found = found
        self.missing = missing

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def load(package: str, kind: str) -> Plugins:
    """Return every plug-in in the files of `package` that defines the constant `kind`.

    Args:
        package: dotted name of a folder, for example ``"rsc_bench.kernels.exact"``.
        kind: the constant a plug-in file defines, for example ``"KERNEL"``.

    A file whose import fails for want of an optional package is listed in ``missing`` with the reason; every other
    error, and two files with the same plug-in name, raise `PluginError`.
    """
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for module_name in _module_names(package, missing):
        module = _import_file(module_name, missing)
        if module is None or not hasattr(module, kind):
            continue
        plugin = getattr(module, kind)
        if plugin.name in found:
            raise PluginError(f"two files in {package} define a {kind} named {plugin.name!r}: rename one of them")
        found[plugin.name] = plugin
    return Plugins(found, missing)


def why_missing(error: ModuleNotFoundError) -> str | None:
    """Return the reason and remedy for an absent optional package, or None where the import itself is wrong."""
    top = (error.name or "").partition(".")[0]
    return f"{top} is not installed: {OPTIONAL[top]}" if top in OPTIONAL else None


def _module_names(package: str, missing: dict[str, str]) -> list[str]:
    module = _import(package, missing)
    if module is None:
        return []
    names = [entry.name for entry in pkgutil.iter_modules(module.__path__) if not entry.name.startswith("_")]
    return [f"{package}.{name}" for name in sorted(names)]


def _import_file(name: str, missing: dict[str, str]) -> ModuleType | None:
    try:
        return _import(name, missing)
    except Exception as error:
        raise PluginError(f"{name.replace('.', '/')}.py: {type(error).__name__}: {error}") from error


def _import(name: str, missing: dict[str, str]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        reason = why_missing(error)
        if reason is None:
            raise
        missing[name.rpartition(".")[2]] = reason
        return None
