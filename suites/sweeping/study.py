"""Reads a study, a TOML file with the options of several runs of the suites, and refuses in one line what no run can use."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsc_bench.harness.records.ranges import LETTERS
from rsc_bench.plugins import PluginError
from rsc_bench.suites import graphs
from rsc_bench.suites.given import options as options_given
from rsc_bench.suites.measuring.usage import FLAGS, ONCE, REPEATED
from rsc_bench.suites.options import Options, OptionsError
from rsc_bench.suites.sweeping.lines import Lines, StudyError
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
_FILES = ("kernel", "plugin", "model", "recipe")
"""Keys whose values are files where they end like one."""
_ENDINGS = (".py", ".toml")
_HOW_OFTEN = ("rounds",)
_KEYWORD = re.compile(r"(?!(?:and|or|not)\Z)[\w:+\-.\[\]/]+")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class Block:
    """One run of the suites: a results file on each kind of machine."""

    name: str
    options: Options
    suites: tuple[str, ...] = ()
    """Those whose cases it has; empty: all that the options ask for."""
    leave_out: tuple[str, ...] = ()
    """Words; a case whose name has one of them is left out."""
    given: tuple[tuple[str, Any], ...] = ()
    """Its keys with their values as texts, paths as they are seen from anywhere; empty where it was made by a program."""

    def on(self, device: str | None) -> Options:
        """Return its options on a device; None: that of the options, or what is usual."""
        return self.options if device is None else replace(self.options, device=device)

    @property
    def code_files(self) -> list[str]:
        """The files with kernels, plug-ins, models and recipes that it names."""
        options = self.options
        named = [*options.kernels, *options.plugins, *options.recipes]
        return sorted({name for name in named if name.endswith((".py", ".toml"))})

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

    Paths in it are seen from its own folder, where a file is there; the rest, and ``results``, from the current one.

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
    if folder is not None and not (isinstance(folder, str) and folder and "\0" not in folder):
        raise lines.error("", "results", f"must be the path of a folder (got {folder!r})")
    for what in _unnameable(blocks, common, lines):
        raise what
    if not blocks:
        raise StudyError(f"{path}: must have a table for each run of the suites (got none): begin one with [products], say")
    made = tuple(_block(name, common, table, lines) for name, table in blocks.items())
    return Study(path.stem, results or _home(folder or str(Path("results", path.stem))), made, lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # as some editors begin a file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{path}: cannot be read ({reason}): give the path of a TOML file with the runs of a study") from None


def _unnameable(blocks: Mapping[str, Any], common: Mapping[str, Any], lines: Lines) -> Iterator[StudyError]:
    """Yield what is wrong with the names of blocks, which are those of their results files."""
    for key, value in common.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield lines.error(key, "", f"must be one table (got {len(value)} in a list): write [{key}]")
    before: dict[str, str] = {}
    for name in blocks:
        if not _NAME.fullmatch(name):
            rule = "must be called by letters, digits, - and _, 100 at most, as its results file is"
            yield lines.error(name, "", f"{rule} (got {name!r})")
        if (other := before.setdefault(name.lower(), name)) != name:
            yield lines.error(name, "", f"is called like [{other}] where a disk knows no capital letters: rename it")


def _block(name: str, common: Mapping[str, Any], table: Mapping[str, Any], lines: Lines) -> Block:
    values = {**common, **table}
    place = {key: name if key in table else "" for key in values}
    for key, value in values.items():
        what = _refusal(key, value)
        if what is not None:
            raise lines.error(place[key], key, what)
    given = {key: _texts(key, value, lines.path.parent) for key, value in values.items()}
    written = tuple(given.items())
    suites = tuple(given.pop(SUITE, ()))
    leave_out = tuple(given.pop(LEAVE_OUT, ()))
    try:
        asked = _asked(given, suites, leave_out)
        options = replace(options_given(lambda option: _of(given, option), suites, asked), benchmark=True)
    except (OptionsError, ModelError, PluginError) as error:
        raise lines.blamed(name, str(error)) from None
    return Block(name, options, suites, leave_out, written)


def _refusal(key: str, value: Any) -> str | None:
    """Return what is wrong with a key or the kind of its value, with the remedy; None where nothing is."""
    if key not in KEYS:
        return _unknown(key, value)
    if key in FLAG_KEYS:
        return None if isinstance(value, bool) else f"must be true or false (got {value!r})"
    every = value if isinstance(value, list) and key not in ONCE_KEYS else [value]
    if not every or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in every):
        return f"must be {'one value' if key in ONCE_KEYS else 'a value or a list of values'} (got {value!r})"
    if any(each == "" or "\0" in str(each) for each in every):
        return f"must have no text that is empty or has a zero byte (got {value!r}): leave it out for the default"
    return _unknown_suites(every) if key == SUITE else None


def _unknown(key: str, value: Any) -> str:
    if key in _SESSIONS:
        return f"is not for a study: leave it out{' (the command has --results)' * (key == 'results')}"
    if isinstance(value, dict):
        return "must be no table in a table: the blocks of a study stand side by side"
    near = nearest(key, KEYS)
    hint = f"nearest is {near[0]}" if len(near) == 1 else f"nearest are {', '.join(near)}"
    return f"is no option of a run: {hint if len(near) <= 3 else 'the options of `rsc-bench bench --help`, without the dashes'}"


def _unknown_suites(names: list[Any]) -> str | None:
    for name in names:
        if name == ELSEWHERE:
            return f"must be a suite of products or trainings (got {name}, which is about one machine): `rsc-bench bench {name}`"
        if name not in SUITES:
            near = nearest(str(name), SUITES, cutoff=0.0)
            return f"must be {', '.join(each for each in SUITES if each != ELSEWHERE)} (got {name!r}): nearest is {near[0]}"
    return None


def _texts(key: str, value: Any, folder: Path) -> Any:
    """Return a value as a command line would have it, a path as it is seen from anywhere."""
    if key in FLAG_KEYS:
        return value
    every = [_path(key, _text_of(each), folder) for each in (value if isinstance(value, list) else [value])]
    return every[0] if key in ONCE_KEYS else every


def _path(key: str, text: str, folder: Path) -> str:
    """Return a value that is a path as an absolute one, seen from the study where it is there, and any other value as it is."""
    is_path = key == "data-root" or (key in _FILES and text.endswith(_ENDINGS) and "=" not in text)
    if not is_path and (key != "graph" or text in graphs.names()):
        return text
    here = _home(text)
    there = folder / here
    if key == "graph":
        found = [path for path in (there, here) if graphs.file_of(str(path)).is_file()]
        return str(found[0].absolute()) if found else text  # else a name that only its source knows
    seen_here = here.exists() or key == "data-root"
    return str((here if seen_here and not there.exists() else there).absolute())


def _home(text: str) -> Path:
    """The path of a text, in which no shell has put the user's folder in the place of ``~``."""
    with contextlib.suppress(RuntimeError):  # there is none
        return Path(text).expanduser()
    return Path(text)


def _text_of(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _asked(given: Mapping[str, Any], suites: Sequence[str], leave_out: Sequence[str]) -> list[str] | None:
    """Return suites and options of `bench` that measure the same cases; None for words that pytest's ``-k`` does not take."""
    found = list(suites)
    for key, value in given.items():
        if key in FLAG_KEYS:
            found += [f"--{key}"] * value
        elif key not in _HOW_OFTEN:
            found += [word for each in ([value] if key in ONCE_KEYS else value) for word in (f"--{key}", each)]
    if leave_out:
        found += ["-k", " and ".join(f"not {word}" for word in leave_out)]
    return found if all(len(word) <= LETTERS for word in found) and all(map(_KEYWORD.fullmatch, leave_out)) else None


def as_toml(study: Study) -> str:
    """Return a study that was read as a file that says the same wherever it is."""
    lines = []
    for block in study.blocks:
        lines.append(f"[{block.name}]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f") for key, value in block.given]
    return "\n".join([*lines, ""])


def _of(given: Mapping[str, Any], option: str) -> Any:
    key = option[2:]
    usual: Any = False if key in FLAG_KEYS else None if key in ONCE_KEYS else ()
    return given.get(key, usual)
