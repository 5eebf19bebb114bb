"""Makes a git repository with suites that only pretend to measure: what takes hours for real takes half a second."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CONFTEST = """
import json, pathlib, random

SECONDS = {seconds}

def pytest_addoption(parser):
    parser.addoption("--benchmark", action="store_true")
    for option in ("--results", "--rounds", "--graph", "--slow-down"):
        parser.addoption(option)

def record(kernel, seconds):
    case = dict(suite="exact", kernel=kernel, graph="g", width=8, budget=None, dtype="float32", device="cpu", clock="host")
    measured = dict(times_s=[seconds], select_s=None, prepare_s=1.0, rel_error=0.0, nnz=9, kept_nnz=9, peak_bytes=None)
    return {{"record": {{"case": case, "status": "ok", "reason": None, "measurement": measured}}}}

def pytest_sessionfinish(session):
    option = session.config.getoption
    slow_down = float(option("--slow-down") or 0)
    here = {{"checkout": {{"folder": pathlib.Path.cwd().name}}, **({{"slow_down": slow_down}} if slow_down else {{}})}}
    lines = [{{"run": {{"schema": 1, "environment": here}}}}]
    lines.append({{"round": {{"index": 1, "of": 1, "cases": 2, "started": "2026-01-01T00:00:00Z"}}}})
    for kernel in ("ours", "theirs"):
        lines.append(record(kernel, SECONDS * (1 + slow_down) * random.uniform(1, 1.002)))
    pathlib.Path(option("--results")).write_text("".join(json.dumps(line) + "\\n" for line in lines))
"""


def git(folder: Path, *arguments: str) -> str:
    """What a git command says; the identity is the test's own."""
    own = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *own, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def write_suites(folder: Path, seconds: float) -> None:
    """Suites whose two cases take so long."""
    (folder / "suites").mkdir(exist_ok=True)
    (folder / "suites/conftest.py").write_text(CONFTEST.format(seconds=seconds))
    (folder / "suites/test_nothing.py").write_text("def test_nothing():\n    pass\n")


def repository(folder: Path) -> Path:
    """A repository of three commits: ``empty`` without suites, ``fast`` where a call takes 1 s, ``slow`` where it takes 1.5 s."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "trunk")
    (folder / ".gitignore").write_text("data/\nresults/\n__pycache__/\n")
    for name, seconds in (("empty", None), ("fast", 1.0), ("slow", 1.5)):
        if seconds is not None:
            write_suites(folder, seconds)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", name)
        git(folder, "tag", name)
    return folder


def entered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the repository, go there, and let the rounds' pytest start without other plug-ins, to start sooner."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.chdir(repository(folder))
    return folder


def results_files(folder: Path) -> list[Path]:
    """The results files of a repository, base before new."""
    return sorted((folder / "results").glob("*.jsonl"))
