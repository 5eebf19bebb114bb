"""Runs the suites as a user does, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
SMALL = ("--graph", "small:random", "--width", "8", "--budget", "0.1", "--device", "cpu")


def command(*arguments: object) -> list[str]:
    """The command line of a run of the suites."""
    return [sys.executable, "-m", "pytest", "suites", "-p", "no:cacheprovider", *map(str, arguments)]


def suites(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A run of the suites that has ended."""
    return subprocess.run(command(*arguments), cwd=ROOT, env=NO_GPU, capture_output=True, text=True, timeout=300, check=False)


def tree(folder: Path) -> dict[Path, bytes | None]:
    """Every file below a folder with what is in it, and every folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
