"""Runs git in a folder and returns its answer; a missing git, and one that does not answer in time, are answers too."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rsc_bench.text import first_line

REPOSITORY_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
)
"""Variables by which git names a repository to its hooks: here the folder names it."""

NOT_INSTALLED, TOO_LATE = 127, 124
"""Exit statuses where git did not end by itself, as a shell and ``timeout`` give them."""


def run(folder: Path, *arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """Return what git answered in a folder: exit status, stdout and stderr; never raises for a git that fails.

    Args:
        folder: where git runs.
        arguments: what stands behind ``git``.
        timeout_s: seconds to wait for the answer; None: as long as it takes.

    A name in stdout that is not UTF-8 keeps its bytes, so that the file of that name is found (`os.fsencode`).
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False, env=_environment()
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, NOT_INSTALLED, "", "git is not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, TOO_LATE, "", f"git did not answer within {timeout_s:g} s")
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")
    )


def reason(answer: subprocess.CompletedProcess[str]) -> str:
    """Return why git failed, in its own words and one line; empty where it gave no reason."""
    return first_line(answer.stderr).removeprefix("fatal: ")


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in REPOSITORY_VARIABLES}
    # Without the lock that lets `status` write what it found into the user's index; with messages in English.
    return {**own, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
