"""Lets a user's file import the modules that lie beside it, each folder's under names that no other file can meet.

Python has one place for a module of a name, so that of two files with a ``helper.py`` beside each, one would get that of the other.
Here each folder is a package of a name of its own, and only files of that folder look for modules in it.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from rsc_bench.optional import OPTIONAL

_LIBRARIES = {*OPTIONAL, *sys.stdlib_module_names, "rsc_bench", "numpy", "scipy", "msgspec", "click", "jinja2", "pytest", "rich"}
"""Never looked for beside a file: a kernel in a file ``numba.py`` or ``random.py`` means the library by that name."""
_FOLDERS: dict[str, Path] = {}
"""Each folder by the name of its package."""
_LOADED: set[str] = set()
"""The files that were run as modules of such a package."""


class Uncached(SourceFileLoader):
    """Runs a file as it is now, leaves no ``__pycache__`` in the user's folder, and lets it import what lies beside it."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 (the name that Python gives the argument)
        """Compile the file."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Run the file with an ``import`` of its own."""
        package = module.__name__.partition(".")[0]
        folder = _FOLDERS.get(package, Path(self.path).parent)
        if package in _FOLDERS:
            _LOADED.add(self.path)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _importer(folder, Path(self.path))}
        super().exec_module(module)


class _Finder:
    """Finds the modules of the packages that stand for folders."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module lies, to be loaded as it is now."""
        del target
        package, _, inside = name.partition(".")
        if package not in _FOLDERS or not inside:
            return None
        found = PathFinder.find_spec(name, path if "." in inside else [str(_FOLDERS[package])])
        if found is not None and type(found.loader) is SourceFileLoader:
            found.loader = Uncached(name, str(found.origin))
        return found


def place_of(error: BaseException) -> tuple[Path, int | None] | None:
    """Return the module beside a user's file, and the line in it, that an error comes from; None where it comes from none."""
    if isinstance(error, SyntaxError) and error.filename and is_beside(error.filename):
        return Path(error.filename), error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_beside(frame.filename)]
    return (Path(frames[-1].filename), frames[-1].lineno) if frames else None


def is_beside(file: str) -> bool:
    """Return whether a file is a module that was imported from beside a user's file."""
    return file in _LOADED


def _importer(folder: Path, own: Path) -> Callable[..., Any]:
    """Return the ``__import__`` of a file, which looks into the folder first."""

    def import_(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
        top = name.partition(".")[0]
        if level or not _lies_in(folder, top, own):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        package = _package(folder)
        found = importlib.import_module(f"{package}.{name}")
        if not fromlist:
            return sys.modules[f"{package}.{top}"]
        for each in fromlist:
            if each != "*" and hasattr(found, "__path__") and not hasattr(found, each):
                importlib.import_module(f"{package}.{name}.{each}")
        return found

    return import_


def _lies_in(folder: Path, top: str, own: Path) -> bool:
    checkout = Path(__file__).resolve().parents[1]
    if top in _LIBRARIES or (folder == checkout and (folder / top).is_dir()):  # our rooms are no modules of a user
        return False
    return ((folder / f"{top}.py").is_file() and folder / f"{top}.py" != own) or (folder / top / "__init__.py").is_file()


def _package(folder: Path) -> str:
    """The name of the package that stands for a folder, which is made when it is first asked for."""
    name = f"rsc_bench_beside_{hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()}"
    if name not in _FOLDERS:
        _FOLDERS[name] = folder
        if _Finder not in sys.meta_path:
            sys.meta_path.insert(0, _Finder)
        package = ModuleType(name, f"What lies in {folder}.")
        package.__path__ = []
        sys.modules[name] = package
    return name
