"""The software: whether this Python is new enough, and which packages are absent."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping

from rsc_bench.harness.machine.findings import Finding
from rsc_bench.optional import OPTIONAL

REQUIRED = ("click", "jinja2", "msgspec", "numpy", "psutil", "pytest", "pytest_benchmark", "rich", "scipy")
MIN_PYTHON = (3, 11)

IsPresent = Callable[[str], bool]
"""Whether a package of this import name is installed."""


def is_present(name: str) -> bool:
    """Return whether a package is installed, without importing it."""
    return importlib.util.find_spec(name) is not None


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """Return whether a Python is new enough."""
    summary = ".".join(map(str, version))
    if version[:2] < MIN_PYTHON:
        return Finding("python", "missing", summary, f"use Python {'.'.join(map(str, MIN_PYTHON))} or newer")
    return Finding("python", "ok", summary)


def packages(present: IsPresent = is_present, optional: Mapping[str, str] = OPTIONAL) -> Iterator[Finding]:
    """Yield one finding on what is required, and one for each optional package that is absent.

    Args:
        present: says whether a package is installed.
        optional: packages that may be absent, and how to get each.
    """
    absent = [name for name in REQUIRED if not present(name)]
    if absent:
        remedy = "pip install rsc-bench, or in a checkout pip install -e ."
        yield Finding("packages", "missing", f"not installed: {', '.join(absent)}", remedy)
    else:
        yield Finding("packages", "ok", "all that are required are installed")
    for name, remedy in optional.items():
        if name not in REQUIRED and not present(name):
            yield Finding(name, "hint", "optional, not installed", remedy)
