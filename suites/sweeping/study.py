"""Reads a study, a TOML file with the options of several runs of the suites, and refuses in one line what no run can use."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsc_bench.suites.given import options as options_given
from rsc_bench.suites.measuring.usage import FLAGS, ONCE, REPEATED
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.training.models import ModelError
from rsc_bench.text import SUITES, nearest

_SESSIONS = ("results", "benchmark", "in-process", "slow-down")
"""Options of the suites that are of one session, or of trying the harness out."""
ONCE_KEYS = tuple(usage.split()[0][2:] for usage in ONCE)
REPEATED_KEYS = tuple(usage.split()[0][2:] for usage in REPEATED)
FLAG_KEYS = tuple(flag[2:] for flag in FLAGS)
SUITE, LEAVE_OUT = "suite", "leave-out"
KEYS = tuple(key for key in (SUITE, *REPEATED_KEYS, *ONCE_KEYS, *FLAG_KEYS, LEAVE_OUT) if key not in _SESSIONS)
"""Every key of a block: the options of ``bench``, which suites, and the cases to leave out."""
ELSEWHERE = "harness"
"""The suite that measures the harness itself, which is no matter of many devices."""
_PATHS = ("graph", "kernel", "plugin", "model", "recipe", "data-root")
"""Keys whose values may be paths, which are then seen from the folder of the study."""
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class StudyError(Exception):
    """A study that cannot be used; the message names the file, the line, the key, the rule and the remedy."""


@dataclass(frozen=True)
class Block:
    """One run of the suites: a results file on each kind of machine."""

    name: str
    options: Options
    suites: tuple[str, ...] = ()
    """Those whose cases it has; empty: all that the options ask for."""
    leave_out: tuple[str, ...] = ()
    """Words; a case whose name has one of them is left out."""

    def on(self, device: str | None) -> Options:
        """Return its options on a device; None: that of the options, or what is usual."""
        return self.options if device is None else replace(self.options, device=device)

    def fits(self, device: str, gpus: bool) -> bool:
        """Return whether the block is for a device: for the GPUs where there are some, unless it says otherwise."""
        wanted = self.options.device or ("cuda" if gpus else "cpu")
        return wanted.partition(":")[0] == device.partition(":")[0]

    def wants(self, suite: str, name: str) -> bool:
        """Return whether a case of a suite, by its name as the tests have it, is part of the block."""
        return (not self.suites or suite in self.suites) and not any(word in name for word in self.leave_out)


@dataclass(frozen=True)
class Study:
    """The runs of a study, in their order."""

    name: str
    results: Path
    """Folder of its results files."""
    blocks: tuple[Block, ...]
    lines: Lines | None = None
    """Where what stands in its file; None: it was made by a program."""

    def error(self, block: str, message: str) -> StudyError:
        """Return the error of a value that no run can use, by the message of the option that has it."""
        return StudyError(message) if self.lines is None else self.lines.blamed(block, message)


def read(path: Path, results: Path | None = None) -> Study:
    """Return the study in a TOML file: a table for each block, and above them what all of them have.

    Args:
        path: the file.
        results: folder of the results files; None: the file's ``results``, else ``results/NAME`` of the current folder.

    Raises `StudyError` in one line for what is wrong with it.
    """
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: is not TOML: {error}") from None
    lines = Lines(path, text)
    blocks = {name: table for name, table in content.items() if isinstance(table, dict)}
    common = {key: value for key, value in content.items() if not isinstance(value, dict)}
    folder = common.pop("results", None)
    if folder is not None and not (isinstance(folder, str) and folder):
        raise lines.error("", "results", f"must be the path of a folder (got {folder!r})")
    if not blocks:
        raise StudyError(f"{path}: must have a table for each run of the suites (got none): begin one with [products], say")
    made = tuple(_block(name, common, table, lines) for name, table in blocks.items())
    return Study(path.stem, results or Path(folder or Path("results", path.stem)), made, lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{path}: cannot be read ({reason}): give the path of a TOML file with the runs of a study") from None


@dataclass(frozen=True)
class Lines:
    """Where what is in a TOML file."""

    path: Path
    text: str

    def error(self, block: str, key: str, what: str) -> StudyError:
        """Return the error that names the line of a key, in a block or above all of them."""
        return StudyError(f"{self.path}: line {self._line(block, key)}: {f'[{block}] ' * bool(block)}{key}: {what}")

    def _line(self, block: str, key: str) -> int:
        here, found = "", 1
        for number, line in enumerate(self.text.splitlines(), start=1):
            table = re.match(r"\s*\[\s*[\"']?([^]\"']+?)[\"']?\s*\]", line)
            here = table[1] if table else here
            if here == block and (re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) or (table and not key)):
                return number
            found = number if table and here == block else found
        return found

    def blamed(self, block: str, message: str) -> StudyError:
        """Return the error of an option of a block as that of the line that its value stands in."""
        content = tomllib.loads(self.text)
        option = next((word[2:].rstrip(":") for word in message.split() if word.startswith("--")), "")
        values = {key: value for key, value in content.items() if not isinstance(value, dict)} | content.get(block, {})
        named = [
            key for key, value in values.items() if any(str(each) in message for each in _several(value) if len(str(each)) > 2)
        ]
        key = option if option in values else next(iter(named), "")
        return self.error(block if key in content.get(block, {}) or not key else "", key, re.sub(r"^--[a-z-]+:?\s*", "", message))


def _block(name: str, common: Mapping[str, Any], table: Mapping[str, Any], lines: Lines) -> Block:
    if not _NAME.fullmatch(name):
        raise lines.error(name, "", f"a block is called by letters, digits, - and _ (got {name!r}), as its results file is")
    values = {**common, **table}
    place = {key: name if key in table else "" for key in values}
    for key, value in values.items():
        what = _refusal(key, value)
        if what is not None:
            raise lines.error(place[key], key, what)
    given = {key: _texts(key, value, lines.path.parent) for key, value in values.items()}
    suites = tuple(given.pop(SUITE, ()))
    leave_out = tuple(given.pop(LEAVE_OUT, ()))
    try:
        options = replace(options_given(lambda option: _of(given, option), suites), benchmark=True)
    except (OptionsError, ModelError) as error:
        raise lines.blamed(name, str(error)) from None
    return Block(name, options, suites, leave_out)


def _refusal(key: str, value: Any) -> str | None:
    """Return what is wrong with a key or the kind of its value, with the remedy; None where nothing is."""
    if key not in KEYS:
        if key in _SESSIONS:
            return f"is not for a study: leave it out{' (the command has --results)' * (key == 'results')}"
        near = nearest(key, KEYS)
        hint = f"nearest is {near[0]}" if len(near) == 1 else f"nearest are {', '.join(near)}"
        return f"is no option of a run: {hint if len(near) <= 3 else 'the options of `rsc-bench bench --help`, without the dashes'}"
    if key in FLAG_KEYS:
        return None if isinstance(value, bool) else f"must be true or false (got {value!r})"
    single = isinstance(value, str | int | float) and not isinstance(value, bool)
    if key in ONCE_KEYS:
        return None if single else f"must be one value (got {value!r})"
    several = isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value)
    if not (single or several):
        return f"must be a value or a list of values (got {value!r})"
    return _unknown_suites(value if isinstance(value, list) else [value]) if key == SUITE else None


def _unknown_suites(names: list[Any]) -> str | None:
    for name in names:
        if name == ELSEWHERE:
            return f"must be a suite of products or trainings (got {name}, which is about one machine): `rsc-bench bench {name}`"
        if name not in SUITES:
            near = nearest(str(name), SUITES, cutoff=0.0)
            return f"must be {', '.join(each for each in SUITES if each != ELSEWHERE)} (got {name!r}): nearest is {near[0]}"
    return None


def _texts(key: str, value: Any, folder: Path) -> Any:
    """Return a value as a command line would have it; a path that is there from the folder of the study is that one."""
    if key in FLAG_KEYS:
        return value
    every = [_text_of(each) for each in (value if isinstance(value, list) else [value])]
    if key in _PATHS:
        every = [str(folder / each) if (folder / each).exists() and not Path(each).is_absolute() else each for each in every]
    return every[0] if key in ONCE_KEYS else every


def _text_of(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _of(given: Mapping[str, Any], option: str) -> Any:
    key = option[2:]
    usual: Any = False if key in FLAG_KEYS else None if key in ONCE_KEYS else ()
    return given.get(key, usual)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
