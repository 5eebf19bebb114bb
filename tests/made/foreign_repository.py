"""Makes a git repository that knows nothing of us: a package, and benchmarks of it for pytest-benchmark."""

from __future__ import annotations

from pathlib import Path

from stand_in_checkout import git

PACKAGE = """
import random

now = 0.0


def clock():
    return now


def sort(numbers):
    # A clock of its own, so that the load of the machine changes no verdict.
    global now
    now += {seconds} * random.uniform(1, 1.002)
    return sorted(numbers)
"""
BENCHMARKS = """
import pytest
from sorting import clock, sort


@pytest.mark.benchmark(timer=clock)
def test_{name}(benchmark):
    assert benchmark.pedantic(sort, ([2, 1],), rounds=3) == [1, 2]


def test_of_no_speed():
    pass
"""
SCRIPT = """#!/bin/sh
echo "sorting {count} numbers"
echo "{time}"
"""


def repository(folder: Path) -> Path:
    """Two commits: ``fast``, and ``slow``, which takes twice as long, and has another benchmark beside the common one."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "trunk")
    (folder / ".gitignore").write_text("results/\n__pycache__/\n.pytest_cache/\n.venv/\n")
    for name, seconds, own, time in (("fast", 0.004, "old", "12.5 ms"), ("slow", 0.008, "fresh", "25 ms")):
        _write(folder / "src/sorting/__init__.py", PACKAGE.format(seconds=seconds))
        _write(folder / "benchmarks/test_sorting.py", BENCHMARKS.format(name="sorting"))
        _write(folder / "benchmarks/test_more.py", BENCHMARKS.format(name=own))
        _write(folder / "scripts/time.sh", SCRIPT.format(count=1000, time=time))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", name)
        git(folder, "tag", name)
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
