"""Runs the suites as a user does, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A user runs no pytest-xdist around them: pytest-benchmark would switch itself off.
OWN = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
# Graphs of tests stay apart from those of the user.
CACHE = tempfile.TemporaryDirectory(prefix="rsc-bench-tests-")
OWN |= {"RSC_BENCH_CACHE": CACHE.name}
NO_GPU = {**OWN, "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200", "OMP_WAIT_POLICY": "passive"}
SMALL = ("--graph", "small:random", "--width", "8", "--budget", "0.1", "--device", "cpu")
QUICK = (*SMALL, "--in-process")  # where it is not about workers: starting one takes seconds


def command(*arguments: object) -> list[str]:
    """The command line of a run of the suites."""
    return [sys.executable, "-m", "pytest", "suites", "-p", "no:cacheprovider", *map(str, arguments)]


def suites(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A run of the suites that has ended."""
    return subprocess.run(command(*arguments), cwd=ROOT, env=NO_GPU, capture_output=True, text=True, timeout=300, check=False)


def tree(folder: Path) -> dict[Path, bytes | None]:
    """Every file below a folder with what is in it, and every folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


SERVING = """
import atexit, contextlib, gc, io, json, sys
import pytest
atexit.register(gc.unfreeze)  # or Triton's bindings list as leaked, at the exit, what is not freed
answers = sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    gc.freeze()  # what earlier runs loaded stays: each run collects garbage several times when it ends
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = int(pytest.main(json.loads(line)))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


class WarmPytest:
    """One process that runs pytest again and again: pytest starts in a second, torch in three, and all runs share that."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVING], cwd=ROOT, env=NO_GPU, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Return a run of the suites, or of the file that the first argument names, that has ended."""
        line = [str(argument) for argument in arguments]
        line = line if line and line[0].startswith("suites/") else ["suites", *line]
        line += ["-p", "no:cacheprovider"]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        status, out, err = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(line, status, out, err)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)
