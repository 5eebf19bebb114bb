"""Loads a Python file that a user names, and says in one line why it does not load."""

from __future__ import annotations

import ast
import atexit
import hashlib
import importlib
import importlib.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from rsc_bench.beside import Uncached, place_of
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


_END_S = 5.0
"""Seconds that something of a user's file may take when the program ends."""
LOAD_S = 300.0
"""Seconds that a file of a user may take to load where nobody says otherwise."""


class PluginError(Exception):
    """A plug-in that cannot be loaded; the message names the file, the line and the reason."""


def load_file(path: Path, why: str, limit_s: float = LOAD_S) -> ModuleType:
    """Return the module in a user's Python file; raises `PluginError` with the file, the line and the reason.

    It may import modules that lie beside it, see `rsc_bench.beside`.

    Args:
        path: the file.
        why: the option that named it, for the error.
        limit_s: seconds that loading it may take.
    """
    if not path.is_file():
        raise PluginError(f"{why} {path}: {'is a folder' if path.is_dir() else 'no such file'}: give the path of a Python file")
    _refuse_old_imports(path, why)
    place = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=4).hexdigest()
    name = f"rsc_bench_user_{path.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, path.resolve(), loader=Uncached(name, str(path.resolve())))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and Triton look a function's module up
    try:
        with _as_from_elsewhere(), _outputs_stay(), _in_time(limit_s), _stays(), _no_threads(), _ends_soon():
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


@contextmanager
def _outputs_stay() -> Iterator[None]:
    """Put the standard files back where a file of a user has closed or exchanged them."""
    kept = {}
    for standard in range(3):
        with suppress(OSError):  # it was closed from the start
            kept[standard] = os.dup(standard)
    try:
        yield
    finally:
        for standard, copy in kept.items():
            if not _is_same(standard, copy):
                os.dup2(copy, standard)
            os.close(copy)


def _is_same(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


@contextmanager
def _in_time(limit_s: float) -> Iterator[None]:
    """Raise ``TimeoutError`` where what runs takes too long, as far as a signal can interrupt it."""
    mine = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not mine or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def interrupt(*_: object) -> None:
        raise TimeoutError(f"takes more than {limit_s:g} s to load: move what takes long into what prepares")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _stays() -> Iterator[None]:
    """Let ``os._exit`` be an error of the file that calls it: it would end the program with the status of a success."""
    leave = os._exit

    def refuse(status: int) -> NoReturn:
        if os.getpid() != own:
            leave(status)
        raise SystemExit(status)

    own, os._exit = os.getpid(), refuse
    try:
        yield
    finally:
        os._exit = leave


@contextmanager
def _ends_soon() -> Iterator[None]:
    """Let what a file registers for the end of the program not keep it from ending."""
    register = atexit.register

    def register_short(function: Callable[..., object], *args: object, **named: object) -> Callable[..., object]:
        def run() -> None:
            with suppress(TimeoutError), _in_time(_END_S):
                function(*args, **named)

        register(run)
        return function

    atexit.register = register_short  # type: ignore[assignment]
    try:
        yield
    finally:
        atexit.register = register


@contextmanager
def _no_threads() -> Iterator[None]:
    """Raise where a file leaves a thread running when it was loaded: it would run beside all that is measured, and for ever."""
    before, start = set(threading.enumerate()), threading.Thread.start

    def start_daemon(thread: threading.Thread) -> None:
        thread.daemon = True  # so that the program can end
        start(thread)

    threading.Thread.start = start_daemon  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    if left:
        raise RuntimeError(f"leaves a thread running that it has started ({left[0]}): start it in what prepares")


def _reason(path: Path, error: BaseException) -> str:
    """The file, the line in it and why it does not load."""
    line = line_of(path.resolve(), error)
    place = str(path) if line is None else f"{path}, line {line}"
    beside = place_of(error)
    if beside is not None and beside[0].name not in error_line(error):  # a SyntaxError says it itself
        place += f" ({beside[0].name}, line {beside[1]})"
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
