"""One run of the suites: which cases it has, which rounds its results file still needs, and what goes into that file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsc_bench.harness.machine import environment
from rsc_bench.harness.measure.ceilings import probes as ceilings
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.file import ResultsFile
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.plugins import REGISTRY
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Catalog, catalog
from rsc_bench.suites.measuring.bench import AnySetting, Bench
from rsc_bench.suites.measuring.serving import Setup
from rsc_bench.suites.measuring.workers import Origins, Workers
from rsc_bench.suites.options import DTYPES, Options, check
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.spmm.sweep import Setting, settings
from rsc_bench.suites.training.sweep import training_settings

NEW_FILE_ROUNDS = 3
"""Rounds of a new results file: the fewest that `compare` judges."""
TRAINING_ROUNDS = 1
"""The same where models are trained: seeds are their replication, and each takes minutes."""


class Session:
    """The cases of a run, and what is known of them before it starts."""

    def __init__(self, options: Options) -> None:
        """Look up everything that the options name; raises an error of one line where it is not available."""
        check(options)
        self.in_process = options.in_process or not options.benchmark
        """Whether cases run in this process, and not in workers."""
        device = devices.HERE.use(options.device) if self.in_process else devices.HERE.name(options.device)
        self.options = options = replace(options, device=device)
        self.catalog: Catalog = catalog(options.kernels)
        self.trainings = training_settings(options, self.catalog)
        self.settings: list[AnySetting] = [*settings(options, self.catalog), *self.trainings]
        self.bench = Bench(self.catalog, Store(options.data_root), options.limits, options.slow_down)
        """What makes records in this process."""

    def workers(self, log: Path) -> Workers | None:
        """Return the processes that cases are measured in, which keep a log; None where this one measures them."""
        if self.in_process:
            return None
        options = self.options
        assert options.device is not None
        root = None if options.data_root is None else str(options.data_root)
        setup = Setup(data_root=root, device=options.device, limits=options.limits, slow_down=options.slow_down)
        return Workers(Origins(options.plugins, self.catalog), setup, log, options.case_timeout_s)


class Rounds:
    """The results file of a run, and the rounds that it is to get."""

    def __init__(self, session: Session, machine: dict[str, Any] | None = None) -> None:
        """Begin a results file or carry on in one; raises `ResultsError` where it cannot be used.

        Args:
            session: the cases.
            machine: what the environment of the file says of it; None: read here.
        """
        self._session = session
        self.workers: Workers | None = None
        """The processes that cases are measured in, once the file is open; None: this one."""
        self.cases = len(session.settings)
        """Cases of a round; fewer where the runner leaves some out (``-k``)."""
        self.path = session.options.results or Path("results", f"{datetime.now(UTC):%Y%m%d-%H%M%S}.jsonl")
        self.timer = ReplayTimer()
        self._file = ResultsFile(self.path, (environment.read() if machine is None else machine) | _what_runs(session))
        self._ceilings: Ceilings | None = None
        self._left_over = self._unfinished()
        self.indices = self._indices(session.options.rounds)
        self.workers = session.workers(self.path.with_suffix(".log"))

    def _unfinished(self) -> int | None:
        """Return the index of the round in which the run before was killed, or None."""
        if not self._file.rounds:
            return None
        last, records = self._file.rounds[-1]
        planned = {setting.case() for setting in self._session.settings}
        # A whole round of another sweep is not cut short: cases that it did not have get rounds of their own.
        return last.index if len(records) < last.cases and not planned <= self._file.done() else None

    def _indices(self, wanted: int | None) -> list[int]:
        """Return the rounds to run: what a killed run left, else more of them on a finished file."""
        if not self._file.rounds:
            usual = TRAINING_ROUNDS if self._session.trainings else NEW_FILE_ROUNDS
            return list(range(1, (wanted or usual) + 1))
        last = self._file.rounds[-1][0]
        if self._left_over is not None:
            return list(range(last.index, last.of + 1))
        more = last.of - last.index or wanted or 1  # killed between two rounds: the planned ones come first
        return list(range(last.index + 1, last.index + more + 1))

    def is_done(self, setting: AnySetting, index: int) -> bool:
        """Return whether a killed run has done this case in this round already."""
        return index == self._left_over and setting.case() in self._file.done()

    def measure_ceilings(self, todo: Iterable[tuple[AnySetting, int]]) -> None:
        """Measure what the device can reach, where products start a new round; its first line in the file keeps it."""
        fresh = [setting for setting, index in todo if index != self._left_over and isinstance(setting, Setting)]
        if fresh:
            row_bytes = {setting.width * DTYPES[setting.dtype].itemsize for setting in fresh}
            device = self._session.options.device or devices.HERE.default()
            self._ceilings = ceilings.measure(device, row_bytes) if self.workers is None else self.workers.ceilings(row_bytes)

    def append(self, record: Record, index: int) -> None:
        """Write a record at once, and the start of its round before the first."""
        if not self._file.rounds or self._file.rounds[-1][0].index != index:
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            start = Round(index=index, of=self.indices[-1], cases=self.cases, started=now, ceilings=self._ceilings)
            self._file.start_round(start)
            self._ceilings = None
        self._file.append(record)

    def samples(self, case: Case) -> list[float]:
        """Return every sample of a case in the file, over all rounds, in order."""
        found = [record.measurement for _, records in self._file.rounds for record in records if record.case == case]
        return [time for measurement in found if measurement for time in measurement.timing.times_s]

    def close(self) -> None:
        """Close the results file, and end the processes that wrote for it."""
        if self.workers is not None:
            self.workers.close()
        self._file.close()


def _what_runs(session: Session) -> dict[str, Any]:
    """What the environment names beside the machine: rounds of different code, or slowed ones, never share a file."""
    files = {"kernel_files": session.catalog.from_files, "plugin_files": _plugin_files(session.options.plugins)}
    found: dict[str, Any] = {name: {path: _digest(Path(path)) for path in paths} for name, paths in files.items() if paths}
    return found if session.options.slow_down is None else found | {"slow_down": session.options.slow_down}


def _plugin_files(named: Sequence[str]) -> list[str]:
    """Every file of plug-ins that is loaded, as it was named where an option of the run did."""
    names = {Path(name).resolve(): name for name in named}
    return [names.get(path, str(path)) for path in REGISTRY.files]


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


class ReplayTimer:
    """A timer that stands still, except that each `step` moves it on by the next recorded sample.

    pytest-benchmark reads a timer before and after each call. Given this timer and `step` as the call, it sees our clock's
    samples, in order, and its table, ``--benchmark-json`` and ``--benchmark-compare`` work on them.
    """

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the time it is by the samples."""
        return self._now_s

    def begin(self) -> None:
        """Go back to zero, so that a difference of two readings is the sample itself and not its rounding."""
        self._now_s = 0.0

    def step(self) -> None:
        """Let one sample pass."""
        self._now_s += self._samples.pop(0)

    def show(self, benchmark: Any, samples: Sequence[float]) -> None:
        """Give `samples`, in seconds, to a `benchmark` fixture whose marker names this timer."""
        self._samples = list(samples)
        benchmark.pedantic(self.step, setup=self.begin, rounds=len(samples), iterations=1)
