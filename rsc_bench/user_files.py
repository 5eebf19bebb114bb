"""Loads a Python file that a user names, and says in one line why it does not load."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from rsc_bench.optional import why_missing
from rsc_bench.text import error_line

_ROOMS = ("kernels", "harness", "suites", "reports")
_KERNEL_NAMES = {"Csr", "Kernel", "Multiply", "Prepare", "Reduce", "Unsupported"}
"""What ``from kernels import ...`` gave before 0.2; any other name is of another package that is called so."""
_MOVED = {
    "kernels.sampled.selection": "kernels.sampled.selections",
    "harness.ceilings": "harness.records.ceilings",
    "harness.clocks": "harness.measure.clocks",
    "harness.record": "harness.records.measurement",
    "harness.results": "harness.records.file",
    "harness.traffic": "harness.metrics.traffic",
}
"""Modules that plug-ins imported before 0.2, and where they are now."""
_RENAMED = {"says": "summary", "of": "compute"}
"""Fields of plug-ins that had another name before 0.2."""


class PluginError(Exception):
    """A plug-in that cannot be loaded; the message names the file, the line and the reason."""


def load_file(path: Path, why: str) -> ModuleType:
    """Return the module in a user's Python file; raises `PluginError` with the file, the line and the reason."""
    if not path.is_file():
        raise PluginError(f"{why} {path}: no such file: give the path of a Python file")
    _refuse_old_imports(path, why)
    place = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=4).hexdigest()
    spec = importlib.util.spec_from_file_location(f"rsc_bench_user_{path.stem}_{place}", path.resolve())
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
    package = Path(__file__).resolve().parent
    checkout = None if (package / "kernels").is_dir() else package.parent  # installed, the rooms lie inside the package
    before = sys.path[:]
    sys.path[:] = [entry for entry in before if Path(entry or ".").resolve() != checkout]
    try:
        yield
    finally:
        sys.path[:] = before


def _reason(path: Path, error: BaseException) -> str:
    """The file, the line in it and why it does not load."""
    line = line_of(path, error)
    place = str(path) if line is None else f"{path}, line {line}"
    missing = why_missing(error) if isinstance(error, ModuleNotFoundError) else None
    return f"{place}: {missing or error_line(error)}{_renamed(error)}"


def line_of(path: Path, error: BaseException) -> int | None:
    """Return the last line of a file that led to an error; None where none of its lines did."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename).name == path.name), None)


def _refuse_old_imports(path: Path, why: str) -> None:
    """Raise `PluginError` where a file imports from the package as it was before 0.2: in a checkout it would get a second copy."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # running it says why, and where
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            new = _new_name(node.module, {alias.name for alias in node.names})
            if new is not None:
                old = ast.unparse(node)
                now = old.replace(f"from {node.module} ", f"from {new} ", 1)
                raise PluginError(f"{why} {path}, line {node.lineno}: `{old}` has moved: write `{now}`")


def _new_name(module: str, names: set[str]) -> str | None:
    """Where a module of before 0.2 is now; None where it was none of ours."""
    if module == "kernels":
        return "rsc_bench.kernels" if names & _KERNEL_NAMES else None
    if module in _MOVED:
        return f"rsc_bench.{_MOVED[module]}"
    if module.partition(".")[0] not in _ROOMS or "." not in module:
        return None
    try:
        return f"rsc_bench.{module}" if importlib.util.find_spec(f"rsc_bench.{module}") else None
    except ImportError:
        return None


def _renamed(error: BaseException) -> str:
    """What to write instead, where an error is about a field that had another name."""
    for old, new in _RENAMED.items():
        if isinstance(error, TypeError) and str(error).endswith(f"unexpected keyword argument {old!r}"):
            return f": it is now called {new!r}"
    return ""
