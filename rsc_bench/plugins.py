"""Finds plug-ins: in the folders of this package, in installed packages (entry points) and in files that a user names.

A plug-in is one file that defines a constant: ``KERNEL = Kernel(...)``, or ``KERNELS = (...)`` for several. Nothing else registers
it. `KINDS` lists every kind with its folder; an installed package adds its own under the entry points ``rsc_bench.kernels``,
``rsc_bench.metrics``, ..., and ``--plugin FILE.py`` adds those of a file.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from rsc_bench.beside import is_beside
from rsc_bench.kinds import KINDS, Kind
from rsc_bench.optional import OPTIONAL, absent, present, why_missing
from rsc_bench.text import error_line, nearest, nearest_is
from rsc_bench.user_files import LOAD_S, PluginError, line_of, load_file

__all__ = [
    "KINDS", "OPTIONAL", "REGISTRY", "Kind", "PluginError", "Plugins", "Registry", "absent", "find", "load", "load_file", "present",
    "why_missing",
]  # fmt: skip


class Plugins(Mapping[str, Any]):
    """The plug-ins of one kind by name, and beside them what is not available and why."""

    def __init__(self, found: dict[str, Any], missing: dict[str, str], origins: dict[str, str] | None = None) -> None:
        self._found = found
        self.missing = missing
        self.origins = origins or {}
        """Where each plug-in comes from that is not ours: the path of its file, or its installed package."""

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
        self.limit_s = LOAD_S
        """Seconds that a file of a user may take to load."""
        self._read: dict[Path, ModuleType] = {}
        self._files: dict[Path, ModuleType] = {}
        self._loaded: dict[str, Plugins] = {}
        self._installed: dict[str, list[metadata.EntryPoint]] | None = None
        self._left_out: frozenset[tuple[str, str]] = frozenset()

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
            raise ValueError(f"{kind} {name!r} is not known: {nearest_is(nearest(name, plugins))}")
        return plugins[name]

    def add_file(self, path: Path, why: str = "--plugin") -> list[tuple[Kind, Any]]:
        """Load a user's file, and return each plug-in in it with its kind; a second time it is not loaded again.

        Args:
            path: a Python file, which is code: it runs when a user names it, and in no other way.
            why: the option that named it, for the error.

        Raises `PluginError` for a file that is missing, does not load or defines no plug-in.
        """
        path = path.resolve()
        found = self.read_file(path, why)
        if not found:
            constants = ", ".join(kind.constant for kind in self._kinds.values())
            raise PluginError(f"{why} {path}: must define a plug-in, one of {constants} (got none): see CONTRIBUTING.md")
        if path not in self._files:
            self._files[path] = self._read[path]
            self._loaded.clear()
        return found

    def leave_out(self, kinds: Iterable[str], packages: Iterable[str]) -> None:
        """Load no plug-in of these kinds from these installed packages (`Plugins.origins`): they are for another process.

        Those of other kinds stay, as the source of a graph: whoever measures on that graph needs it.
        """
        self._left_out = frozenset(product(kinds, packages))
        self._loaded.clear()

    @property
    def files(self) -> tuple[Path, ...]:
        """The user's files that are loaded."""
        return tuple(self._files)

    def read_file(self, path: Path, why: str) -> list[tuple[Kind, Any]]:
        """Return each plug-in in a user's file with its kind, without adding them; loaded once, as `add_file` does it."""
        path = path.resolve()
        if path not in self._read:
            self._read[path] = load_file(path, why, self.limit_s)
        return [(kind, plugin) for kind in self._kinds.values() for plugin in _plugins(self._read[path], kind, f"{why} {path}")]

    def blame(self, error: BaseException) -> str | None:
        """Return the user's file, the line in it and the error, where a function in it, or beside it, raised it; else None."""
        every = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in every if Path(frame.filename) in self._read or is_beside(frame.filename)]
        return f"{frames[-1].filename}, line {frames[-1].lineno}: {error_line(error)}" if frames else None

    def _found(self, kind: Kind) -> Plugins:
        missing: dict[str, str] = {}
        found = list(self._everything(kind, missing))
        places: dict[tuple[str, str], str] = {}
        for plugin, place, _ in found:
            more = [(kind.more_names, name) for name in getattr(plugin, kind.more_names, ())]
            for field, name in [("name", plugin.name), *more]:
                if (field, name) in places:
                    both = f"{places[field, name]} and {place}: both define a {kind.constant}"
                    which = f"named {name!r}" if field == "name" else f"with {name!r} among its {field}"
                    raise PluginError(f"{both} {which}: rename one of them")
                places[field, name] = place
        origins = {plugin.name: origin for plugin, _, origin in found if origin}
        return Plugins({plugin.name: plugin for plugin, *_ in found}, missing, origins)

    def _everything(self, kind: Kind, missing: dict[str, str]) -> Iterator[tuple[Any, str, str]]:
        """Each plug-in of a kind, its place and its origin; the latter is empty for ours."""
        for name in _module_names(kind.package, missing):
            yield from ((plugin, place, "") for plugin, place in _ours(kind, name, missing))
        for entry in self._entry_points().get(kind.group, []):
            if (kind.name, _package(entry)) not in self._left_out:
                yield from ((plugin, _entry_place(entry), _package(entry)) for plugin in _entry(entry, kind, missing))
        for path, module in self._files.items():
            yield from ((plugin, str(path), str(path)) for plugin in _plugins(module, kind, str(path)))

    def _entry_points(self) -> dict[str, list[metadata.EntryPoint]]:
        """The entry points of installed packages by their group; raises `PluginError` where one is in a group that no kind has."""
        if self._installed is None:
            every = metadata.entry_points()
            ours = [kind.group for kind in self._kinds.values()]
            for group in every.groups:
                if group.startswith("rsc_bench.") and group not in ours:
                    place = _entry_place(next(iter(every.select(group=group))))
                    raise PluginError(f"{place}: there is no such group: {nearest_is(nearest(group, ours))}")
            self._installed = {group: list(every.select(group=group)) for group in ours}
        return self._installed


REGISTRY = Registry()
"""The plug-ins of this process."""


def load(kind: str) -> Plugins:
    """Return every plug-in of a kind, see `Registry.load`."""
    return REGISTRY.load(kind)


def find(kind: str, name: str) -> Any:
    """Return one plug-in by name, see `Registry.find`."""
    return REGISTRY.find(kind, name)


def _ours(kind: Kind, name: str, missing: dict[str, str]) -> list[tuple[Any, str]]:
    """The plug-ins in one file of ours, each with where it stands."""
    place = f"{kind.package.removeprefix('rsc_bench.').replace('.', '/')}/{name}.py"
    module = _optional(f"{kind.package}.{name}", name, place, missing)
    return [] if module is None else [(plugin, place) for plugin in _plugins(module, kind, place)]


def _plugins(module: ModuleType, kind: Kind, place: str) -> list[Any]:
    """The plug-ins of one kind in a module; raises `PluginError` where the constant is something else."""
    several = f"{kind.constant}S"
    found = [getattr(module, kind.constant)] if hasattr(module, kind.constant) else []
    family = getattr(module, several, ())
    if not isinstance(family, tuple | list):
        raise PluginError(f"{place}: {several} must be a tuple of {kind.class_name} (got {type(family).__name__})")
    _refuse_misspelt(module, kind, place)
    return [_checked(plugin, kind, place) for plugin in [*found, *family]]


def _refuse_misspelt(module: ModuleType, kind: Kind, place: str) -> None:
    """Raise `PluginError` for a constant that is nearly the kind's, and holds what that would hold: it would be passed over."""
    names = (kind.constant, f"{kind.constant}S")
    for name, value in vars(module).items():
        some = value if isinstance(value, tuple | list) else (value,)
        holds = bool(some) and all(type(each).__name__ == kind.class_name for each in some)
        if holds and name not in names and difflib.get_close_matches(name, names, n=1, cutoff=0.75):
            raise PluginError(f"{place}: {name} is passed over: write {names[0]} = {kind.class_name}(...), or {names[1]} = (...)")


def _checked(plugin: Any, kind: Kind, place: str) -> Any:
    module, name = kind.type.partition(":")[0], kind.class_name
    if not isinstance(plugin, getattr(importlib.import_module(module), name)):
        raise PluginError(f"{place}: must define {kind.constant} = {name}(...) (got {type(plugin).__name__})")
    if not isinstance(plugin.name, str) or not plugin.name.strip():
        raise PluginError(f"{place}: the name of a {kind.name} must be a text that is not empty (got {plugin.name!r})")
    if plugin.name in kind.taken:
        raise PluginError(f"{place}: no {kind.name} may be named {plugin.name!r}, which means something else there: rename it")
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
            raise PluginError(_place(module, place, error)) from error
        missing[name] = reason
        return None
    except Exception as error:
        raise PluginError(_place(module, place, error)) from error


def _place(module: str, place: str, error: BaseException) -> str:
    spec = importlib.util.find_spec(module)
    line = line_of(Path(spec.origin if spec and spec.origin else place), error)
    return f"{place}{'' if line is None else f', line {line}'}: {error_line(error)}"


def _package(entry: metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _entry_place(entry: metadata.EntryPoint) -> str:
    return f"entry point {entry.name} of {_package(entry)} ({entry.group})"


def _entry(entry: metadata.EntryPoint, kind: Kind, missing: dict[str, str]) -> list[Any]:
    """The plug-ins of an entry point, one or a tuple; where an optional package is absent, note the reason, and return none."""
    place = _entry_place(entry)
    if entry.pattern.fullmatch(entry.value) is None:
        raise PluginError(f"{place}: must be written module:{kind.constant} (got {entry.value!r})")
    try:
        found = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: else a package that exits would end a comparison with the status of a pass
        reason = why_missing(error) if isinstance(error, ModuleNotFoundError) else None
        if reason is None:
            raise PluginError(f"{place}{_where(error)}: {error_line(error)}") from error
        missing[entry.name] = reason
        return []
    return [_checked(plugin, kind, place) for plugin in (found if isinstance(found, tuple | list) else (found,))]


def _where(error: BaseException) -> str:
    """File and line of the last code that ran before an error, the import system's own left out; empty where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    theirs = [frame for frame in frames if Path(frame.filename).resolve() != Path(__file__).resolve()]
    return f": {theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else ""
