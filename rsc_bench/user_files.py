"""Loads a Python file that a user names, and says in one line why it does not load."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from rsc_bench.optional import why_missing
from rsc_bench.text import error_line

_ROOMS = ("kernels", "harness", "suites", "reports")
_MOVED = {
    "kernels.sampled.selection": "kernels.sampled.selections",
    "harness.ceilings": "harness.records.ceilings",
    "harness.clocks": "harness.measure.clocks",
    "harness.results": "harness.records.file",
    "harness.traffic": "harness.metrics.traffic",
}
"""Modules that plug-ins imported before 0.2, and where they are now."""
_RECORDS = {"Case": "case", "Measurement": "measurement"}
"""What stood in ``harness.record`` before 0.2, and the module of ``harness.records`` that has it; the rest is in ``run``."""
_RENAMED = {"says": "summary", "of": "compute"}
"""Fields of plug-ins that had another name before 0.2."""


class PluginError(Exception):
    """A plug-in that cannot be loaded; the message names the file, the line and the reason."""


class _Uncached(SourceFileLoader):
    """Runs a file as it is now, and leaves no ``__pycache__`` in the user's folder."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 (the name that Python gives the argument)
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def load_file(path: Path, why: str) -> ModuleType:
    """Return the module in a user's Python file; raises `PluginError` with the file, the line and the reason."""
    if not path.is_file():
        raise PluginError(f"{why} {path}: {'is a folder' if path.is_dir() else 'no such file'}: give the path of a Python file")
    _refuse_old_imports(path, why)
    place = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=4).hexdigest()
    name = f"rsc_bench_user_{path.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, path.resolve(), loader=_Uncached(name, str(path.resolve())))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and Triton look a function's module up
    try:
        with _as_from_elsewhere():
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a file of a user raises, SystemExit for example, is an error of that file
        del sys.modules[spec.name]
        raise PluginError(f"{why} {_reason(path, error)}") from error
    return module


@contextmanager
def _as_from_elsewhere() -> Iterator[None]:
    """Load a user's file so that it changes nothing of ours.

    The folders of a checkout are hidden: ``kernels`` is whatever it is in any other folder. The working directory stays, for files
    are named from it. What is printed goes to stderr, for JSON may follow on stdout.
    """
    package = Path(__file__).resolve().parent
    checkout = None if (package / "kernels").is_dir() else package.parent  # installed, the rooms lie inside the package
    before = sys.path[:]
    sys.path[:] = [entry for entry in before if Path(entry or ".").resolve() != checkout]
    try:
        with chdir("."), redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


def _reason(path: Path, error: BaseException) -> str:
    """The file, the line in it and why it does not load."""
    line = line_of(path.resolve(), error)
    place = str(path) if line is None else f"{path}, line {line}"
    missing = why_missing(error) if isinstance(error, ModuleNotFoundError) else None
    return f"{place}: {missing or error_line(error)}{_renamed(error)}{_room(error)}"


def line_of(path: Path, error: BaseException) -> int | None:
    """Return the last line of a file that led to an error; None where none of its lines did.

    Args:
        path: the file, or the end of its path.
        error: as it was raised.
    """
    if isinstance(error, SyntaxError) and (error.filename or "").endswith(str(path)):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename.endswith(str(path))), None)


def _room(error: BaseException) -> str:
    """What to write instead, where a folder of ours is imported as it was before 0.2."""
    name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return f": ours is rsc_bench.{name}" if name.partition(".")[0] in _ROOMS else ""


def _refuse_old_imports(path: Path, why: str) -> None:
    """Raise `PluginError` where a file imports from the package as it was before 0.2: in a checkout it would get a second copy."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # running it says why, and where
    for node in _that_must_run(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            new = _new_name(node.module, {alias.name for alias in node.names})
            if new is not None:
                old = ast.unparse(node)
                now = old.replace(f"from {node.module} ", f"from {new} ", 1)
                raise PluginError(f"{why} {path}, line {node.lineno}: `{old}` has moved: write `{now}`")


def _that_must_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of a ``try``: an import in there is for one version or the other, and the file knows of both."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.Try):
            yield node
            yield from _that_must_run(node)


def _new_name(module: str, names: set[str]) -> str | None:
    """Where a module of before 0.2 is now; None where it has no such names, and so is somebody else's."""
    if module == "harness.record":
        return f"rsc_bench.harness.records.{_RECORDS.get(min(names), 'run')}"
    if module in _MOVED:
        return f"rsc_bench.{_MOVED[module]}"
    if module.partition(".")[0] not in _ROOMS:
        return None
    try:
        ours = importlib.import_module(f"rsc_bench.{module}")
    except ImportError:
        return None
    return f"rsc_bench.{module}" if any(hasattr(ours, name) for name in names) else None


def _renamed(error: BaseException) -> str:
    """What to write instead, where an error is about a field that had another name."""
    for old, new in _RENAMED.items():
        if isinstance(error, TypeError) and str(error).endswith(f"unexpected keyword argument {old!r}"):
            return f": it is now called {new!r}"
    return ""
