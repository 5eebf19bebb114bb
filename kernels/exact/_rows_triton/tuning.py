"""Keeps the settings that were fastest, in memory and in a file of the user's cache, so that they are searched for once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from rsc_bench import caches
from rsc_bench.files import write_whole
from rsc_bench.kernels.exact._rows_triton.settings import Problem, Settings, candidates, first


class Tuned:
    """The settings that one version of the code was fastest with, by problem."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet; a file at `path` that is missing or cannot be used is made anew."""
        self.path = path

    def known(self, problem: Problem) -> Settings:
        """Return the settings found for `problem` before, by this process or another, else those to start from."""
        return self._found.get(problem.key) or first(problem)

    def tune(self, problem: Problem, seconds: Callable[[Settings], float]) -> Settings:
        """Return the fastest settings for `problem`; times the candidates and keeps the winner where none is known.

        Args:
            problem: what is to be multiplied.
            seconds: times one multiply with the settings; infinite where they do not run.
        """
        if problem.key not in self._found:
            times = {settings: seconds(settings) for settings in candidates(problem)}
            self._found[problem.key] = min(times, key=times.__getitem__)
            self._write(_read(self.path) | self._found)
        return self._found[problem.key]

    @cached_property
    def _found(self) -> dict[str, Settings]:
        return _read(self.path)

    def _write(self, table: dict[str, Settings]) -> None:
        text = json.dumps({key: asdict(settings) for key, settings in sorted(table.items())}, indent=1)
        with contextlib.suppress(OSError):  # a cache that cannot be written costs the search again, and nothing else
            write_whole(self.path, text)


def cache_file(name: str) -> Path:
    """Return where settings of a version of the code are kept."""
    return caches.folder() / f"{name}.json"


def _read(path: Path) -> dict[str, Settings]:
    """Return what is kept; a file that is missing, cut off or of another shape is as good as none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {key: _settings(parts) for key, parts in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}


def _settings(parts: dict[str, Any]) -> Settings:
    found = Settings(**{field.name: parts[field.name] for field in fields(Settings)})
    powers = found.tile, found.block, found.warps, found.chunk
    if any(type(number) is not int or number < 1 or number & (number - 1) for number in powers):
        raise ValueError(f"tile, block, warps and chunk must be powers of two (got {powers})")
    if type(found.prescaled) is not bool or type(found.stages) is not int or found.stages < 1:
        raise ValueError(f"stages must be a positive integer and prescaled a boolean (got {found})")
    return found
