"""Finds plug-ins: in the folders of this package, in installed packages (entry points) and in files that a user names.

A plug-in is one file that defines a constant: ``KERNEL = Kernel(...)``, or ``KERNELS = (...)`` for several. Nothing else registers
it. `KINDS` lists every kind with its folder; an installed package adds its own under the entry points ``rsc_bench.kernels``,
``rsc_bench.metrics``, ..., and ``--plugin FILE.py`` adds those of a file.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from rsc_bench.text import first_line, nearest

OPTIONAL = {
    "torch_geometric": 'pip install "rsc-bench[train]"',
    "ogb": 'pip install "rsc-bench[train]"',
    "triton": 'pip install "rsc-bench[gpu]"',
    "sknetwork": 'pip install "rsc-bench[orders]"',
    "torch_sparse": "pip install --no-build-isolation torch-scatter torch-sparse (minutes: they are built), or tox run -e baselines",
    "torch_scatter": "pip install --no-build-isolation torch-scatter torch-sparse (minutes: they are built), or tox run -e baselines",
    "torch": "pip install torch",
    "numba": "pip install numba",
    "pynvml": "pip install nvidia-ml-py",
    "psutil": "pip install psutil",
    "plotly": "pip install plotly",
    "pandas": "pip install pandas",
    "ray": "pip install ray",
}
"""Packages that may be absent, by the name they are imported under, and how to get each.

Their absence is a reason why something is not available; any other failed import is a bug and stops the run.
"""

_ROOMS = ("kernels", "harness", "suites", "reports")
_RENAMED = {"summary": "summary", "of": "compute"}
"""Fields of plug-ins that had another name before 0.2."""


class PluginError(Exception):
    """A plug-in that cannot be loaded; the message names the file, the line and the reason."""


@dataclass(frozen=True)
class Kind:
    """One kind of plug-in: where ours lie, and what they are."""

    name: str
    """``kernel``: the constant is ``KERNEL`` or ``KERNELS``, the entry points are ``rsc_bench.kernels``."""
    package: str
    """Folder of our own, as a dotted name."""
    type: str
    """The class of the constant, as ``module:name``; imported when a plug-in is loaded."""

    @property
    def constant(self) -> str:
        """The constant that a file defines."""
        return self.name.upper()

    @property
    def group(self) -> str:
        """The entry points of installed packages."""
        return f"rsc_bench.{self.name}s"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("kernel", "rsc_bench.kernels.exact", "rsc_bench.kernels.contract:Kernel"),
        Kind("selection", "rsc_bench.kernels.sampled.selections", "rsc_bench.kernels.sampled.selections:Selection"),
        Kind("allocation", "rsc_bench.kernels.rsc.allocations", "rsc_bench.kernels.rsc.allocations:Allocation"),
        Kind("model", "rsc_bench.suites.training.models", "rsc_bench.suites.training.models:Model"),
        Kind("source", "rsc_bench.suites.graphs", "rsc_bench.suites.graphs.source:Source"),
        Kind("format", "rsc_bench.suites.graphs.formats", "rsc_bench.suites.graphs.formats:Format"),
        Kind("order", "rsc_bench.suites.graphs.orders", "rsc_bench.suites.graphs.orders:Order"),
        Kind("clock", "rsc_bench.harness.measure.clocks", "rsc_bench.harness.measure.clocks:Clock"),
        Kind("sensor", "rsc_bench.harness.machine.sensors", "rsc_bench.harness.machine.sensors:Sensor"),
        Kind("rule", "rsc_bench.harness.statistics.rules", "rsc_bench.harness.statistics.rules:Rule"),
        Kind("metric", "rsc_bench.harness.metrics", "rsc_bench.harness.metrics:Metric"),
        Kind("output", "rsc_bench.harness.output", "rsc_bench.harness.output:Output"),
        Kind("figure", "rsc_bench.reports.figures", "rsc_bench.reports.figures:Figure"),
        Kind("command", "rsc_bench.cli", "click:Command"),
    )
}


class Plugins(Mapping[str, Any]):
    """The plug-ins of one kind by name, and beside them what is not available and why."""

    def __init__(self, found: dict[str, Any], missing: dict[str, str]) -> None:
        self._found = found
        self.missing = missing

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Registry:
    """Every plug-in there is for one process; each kind is loaded when it is first asked for."""

    def __init__(self, kinds: Mapping[str, Kind] = KINDS) -> None:
        self._kinds = kinds
        self._files: dict[Path, ModuleType] = {}
        self._loaded: dict[str, Plugins] = {}

    def load(self, kind: str) -> Plugins:
        """Return every plug-in of a kind: ours, then those of installed packages, then those of the user's files.

        A file of ours that fails for want of an optional package is listed in ``missing`` with the reason; every other error, a
        constant of another type, and two plug-ins of one name raise `PluginError`.
        """
        if kind not in self._loaded:
            self._loaded[kind] = self._found(self._kinds[kind])
        return self._loaded[kind]

    def find(self, kind: str, name: str) -> Any:
        """Return one plug-in by name; raises ``ValueError`` with the nearest names, or with why it is not available.

        A file of ours that is called like its plug-in is the only one that is imported for it.
        """
        wanted = self._kinds[kind]
        if kind not in self._loaded and not self._files and name in _module_names(wanted.package):
            missing: dict[str, str] = {}
            found = _ours(wanted, name, missing)
            if missing:
                raise ValueError(f"{kind} {name!r} is not available: {missing[name]}")
            if named := next((plugin for plugin, _ in found if plugin.name == name), None):
                return named
        plugins = self.load(kind)
        if name in plugins.missing:
            raise ValueError(f"{kind} {name!r} is not available: {plugins.missing[name]}")
        if name not in plugins:
            raise ValueError(f"{kind} {name!r} is not known: nearest are {', '.join(nearest(name, plugins))}")
        return plugins[name]

    def add_file(self, path: Path, why: str = "--plugin") -> list[tuple[Kind, Any]]:
        """Load a user's file, and return each plug-in in it with its kind; a second time it is not loaded again.

        Args:
            path: a Python file, which is code: it runs when a user names it, and in no other way.
            why: the option that named it, for the error.

        Raises `PluginError` for a file that is missing, does not load or defines no plug-in.
        """
        path = path.absolute()
        module = self._files.get(path) or load_file(path, why)
        found = [(kind, plugin) for kind in self._kinds.values() for plugin in _plugins(module, kind, str(path))]
        if not found:
            constants = ", ".join(kind.constant for kind in self._kinds.values())
            raise PluginError(f"{why} {path}: must define a plug-in, one of {constants} (got none): see CONTRIBUTING.md")
        if path not in self._files:
            self._files[path] = module
            self._loaded.clear()
        return found

    def _found(self, kind: Kind) -> Plugins:
        missing: dict[str, str] = {}
        found: dict[str, tuple[Any, str]] = {}
        for plugin, place in self._everything(kind, missing):
            if plugin.name in found:
                both = f"{found[plugin.name][1]} and {place}"
                raise PluginError(f"{both}: both define a {kind.constant} named {plugin.name!r}: rename one of them")
            found[plugin.name] = plugin, place
        return Plugins({name: plugin for name, (plugin, _) in found.items()}, missing)

    def _everything(self, kind: Kind, missing: dict[str, str]) -> Iterator[tuple[Any, str]]:
        for name in _module_names(kind.package, missing):
            yield from _ours(kind, name, missing)
        for entry in metadata.entry_points(group=kind.group):
            place = f"entry point {entry.name} of {entry.dist.name if entry.dist else entry.value} ({kind.group})"
            yield _entry(entry, kind, place), place
        for path, module in self._files.items():
            yield from ((plugin, str(path)) for plugin in _plugins(module, kind, str(path)))


REGISTRY = Registry()
"""The plug-ins of this process."""


def load(kind: str) -> Plugins:
    """Return every plug-in of a kind, see `Registry.load`."""
    return REGISTRY.load(kind)


def find(kind: str, name: str) -> Any:
    """Return one plug-in by name, see `Registry.find`."""
    return REGISTRY.find(kind, name)


def why_missing(error: ModuleNotFoundError) -> str | None:
    """Return the reason and remedy for an absent optional package, or None where the import itself is wrong."""
    top = (error.name or "").partition(".")[0]
    return absent(top) if top in OPTIONAL else None


def absent(package: str) -> str:
    """Return the reason and remedy for an optional package that is not installed."""
    return f"{package} is not installed: {OPTIONAL[package]}"


def present() -> str | None:
    """Return None, where a plug-in says what it lacks: nothing is missing."""
    return None


def load_file(path: Path, why: str) -> ModuleType:
    """Return the module in a user's Python file; raises `PluginError` with the file, the line and the reason."""
    if not path.is_file():
        raise PluginError(f"{why} {path}: no such file: give the path of a Python file")
    spec = importlib.util.spec_from_file_location(f"rsc_bench_user_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and Triton look a function's module up
    try:
        with _as_from_elsewhere():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise PluginError(f"{why} {_reason(path, error)}") from error
    return module


@contextmanager
def _as_from_elsewhere() -> Iterator[None]:
    """Hide the folders of a checkout while a user's file is loaded: ``kernels`` is then whatever it is in any other folder."""
    checkout = Path(__file__).resolve().parents[1]
    before = sys.path[:]
    sys.path[:] = [entry for entry in before if not (Path(entry or ".").resolve() == checkout and (checkout / "kernels").is_dir())]
    try:
        yield
    finally:
        sys.path[:] = before


def _reason(path: Path, error: BaseException) -> str:
    """The file, the line in it and why it does not load."""
    line = _line(path, error)
    place = str(path) if line is None else f"{path}, line {line}"
    top = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    old = _old_import(path) if top in _ROOMS else None
    if old is not None:
        return f"{path}, line {old[0]}: `{old[1]}` has moved: write `{old[2]}`"
    missing = why_missing(error) if isinstance(error, ModuleNotFoundError) else None
    return f"{place}: {missing or f'{type(error).__name__}: {first_line(error)}'.rstrip(': ')}{_renamed(error)}"


def _line(path: Path, error: BaseException) -> int | None:
    """The last line of the file itself that led to the error."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename).name == path.name), None)


def _old_import(path: Path) -> tuple[int, str, str] | None:
    """Line, statement and its successor of the first import that names a room as it was called before 0.2."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _ROOMS and node.level == 0:
            old = ast.unparse(node)
            return node.lineno, old, old.replace("from ", "from rsc_bench.", 1)
        if isinstance(node, ast.Import) and node.names[0].name.partition(".")[0] in _ROOMS:
            old = ast.unparse(node)
            return node.lineno, old, old.replace("import ", "import rsc_bench.", 1)
    return None


def _renamed(error: BaseException) -> str:
    """What to write instead, where an error is about a field that had another name."""
    for old, new in _RENAMED.items():
        if isinstance(error, TypeError) and str(error).endswith(f"unexpected keyword argument {old!r}"):
            return f": it is now called {new!r}"
    return ""


def _ours(kind: Kind, name: str, missing: dict[str, str]) -> list[tuple[Any, str]]:
    """The plug-ins in one file of ours, each with where it stands."""
    place = f"{kind.package.removeprefix('rsc_bench.').replace('.', '/')}/{name}.py"
    module = _optional(f"{kind.package}.{name}", name, place, missing)
    return [] if module is None else [(plugin, place) for plugin in _plugins(module, kind, place)]


def _plugins(module: ModuleType, kind: Kind, place: str) -> list[Any]:
    """The plug-ins of one kind in a module; raises `PluginError` where the constant is something else."""
    several = f"{kind.constant}S"
    found = [getattr(module, kind.constant)] if hasattr(module, kind.constant) else []
    found += list(getattr(module, several, ()))
    return [_checked(plugin, kind, place) for plugin in found]


def _checked(plugin: Any, kind: Kind, place: str) -> Any:
    module, _, name = kind.type.partition(":")
    if not isinstance(plugin, getattr(importlib.import_module(module), name)):
        raise PluginError(f"{place}: must define {kind.constant} = {name}(...) (got {type(plugin).__name__})")
    return plugin


def _module_names(package: str, missing: dict[str, str] | None = None) -> list[str]:
    """Names of the files in a folder that may be plug-ins: those with an underscore in front are parts of others."""
    module = _optional(package, package.rpartition(".")[2], package, {} if missing is None else missing)
    if module is None:
        return []
    return sorted(entry.name for entry in pkgutil.iter_modules(module.__path__) if not entry.name.startswith("_"))


def _optional(module: str, name: str, place: str, missing: dict[str, str]) -> ModuleType | None:
    """Import a module of ours; where an optional package is absent, note the reason under its name and return None."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        reason = why_missing(error)
        if reason is None:
            raise PluginError(_place(place, error)) from error
        missing[name] = reason
        return None
    except Exception as error:
        raise PluginError(_place(place, error)) from error


def _place(place: str, error: BaseException) -> str:
    line = _line(Path(place), error)
    return f"{place}{'' if line is None else f', line {line}'}: {type(error).__name__}: {first_line(error)}"


def _entry(entry: metadata.EntryPoint, kind: Kind, place: str) -> Any:
    try:
        plugin = entry.load()
    except Exception as error:
        raise PluginError(f"{place}: {type(error).__name__}: {first_line(error)}") from error
    return _checked(plugin, kind, place)


Missing = Callable[[], str | None]
"""Why a plug-in cannot be used on this machine, with the remedy; None where it can."""
