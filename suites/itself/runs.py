"""Runs the suites as a user does: collects a large sweep, and measures a small one to see where its time goes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any

from rsc_bench import caches
from rsc_bench.harness.records.file import read
from rsc_bench.suites.itself.sweep import HarnessSetting, Observed

PROCESSES = "processes"
"""What a sweep spends outside of its cases: it starts processes, collects, measures ceilings, writes records and says them."""
QUICKLY = ("--in-process", "--rounds", "1", "--kernel", "mkl", "--budget", "0.1", "--max-time", "0.01")
"""Options of a sweep that is only tried."""
_ENDED = (0, 1)
"""Exit statuses of a sweep: all was measured; a case was wrong or failed, and its record says so."""


class _Collected:
    """A plug-in of pytest that notes how many tests were collected, and when."""

    def __init__(self) -> None:
        self.cases, self.end = 0, 0.0

    def pytest_collection_finish(self, session: Any) -> None:
        """Note it."""
        self.cases, self.end = len(session.items), perf_counter()


def collect(setting: HarnessSetting) -> Observed:
    """Collect a sweep over as many widths as it needs to have so many cases; raises ``RuntimeError`` where it has fewer."""
    begin = perf_counter()
    _, each = _collect(setting, 1)  # and import all that the next one needs
    start = perf_counter()
    seconds, cases = _collect(setting, -(-setting.size // max(1, each)))
    if cases < setting.size:
        raise RuntimeError(f"{setting.size} cases must be collected at least (got {cases}): the log says why")
    return Observed(times_s=[seconds], prepare_s=start - begin)


def sweep(setting: HarnessSetting, place: Path) -> Observed:
    """Measure a small sweep in processes of its own, with a results file in a folder, and read there where its time went."""
    begin = perf_counter()
    place.mkdir(parents=True, exist_ok=True)
    results = place / "sweep.jsonl"
    results.unlink(missing_ok=True)
    options = ("--graph", setting.graph, "--width", str(setting.width), "--results", str(results), *QUICKLY * setting.quick)
    # It finds our modules where this process does, also in a checkout that is not installed.
    environment = {**os.environ, caches.PLACE: str(place / "graphs"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("PYTEST_ADDOPTS", None)
    start = perf_counter()
    status = subprocess.run([sys.executable, "-m", "pytest", *_arguments(*options)], env=environment, check=False).returncode
    seconds = perf_counter() - start
    if status not in _ENDED:
        raise RuntimeError(f"the sweep ended with status {status}: the log says why")
    spent: defaultdict[str, float] = defaultdict(float)
    for record in read(results).records:
        if record.measurement is not None:
            for part, taken_s in (record.measurement.timing.spent_s or {}).items():
                spent[part] += taken_s
    spent[PROCESSES] = max(0.0, seconds - sum(spent.values()))
    return Observed(times_s=[seconds], prepare_s=start - begin, spent_s=dict(spent))


def _collect(setting: HarnessSetting, widths: int) -> tuple[float, int]:
    """Return the seconds until a sweep is collected, from its command line on, and how many cases it has."""
    import pytest

    noted = _Collected()
    of_widths = [f"--width={width}" for width in range(1, widths + 1)]
    start = perf_counter()
    pytest.main(_arguments("--collect-only", "-qq", "--graph", setting.graph, *of_widths), plugins=[noted])
    return noted.end - start, noted.cases


def _arguments(*options: str) -> list[str]:
    """The arguments of pytest that measure products, wherever the suites are installed."""
    from rsc_bench import suites

    folder = Path(next(iter(suites.__path__)))
    modules = [str(folder / f"test_{name}.py") for name in ("exact", "sampled")]
    settings = ["-c", str(folder / "bench.ini"), "--rootdir", str(folder.parent), "-p", "no:cacheprovider"]
    return [*settings, *modules, "--benchmark", "--device", "cpu", *options]
