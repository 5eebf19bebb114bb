"""Runs one case: checks it, and when measuring, into the results file and pytest-benchmark's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rsc_bench.harness import faults
from rsc_bench.harness.measure import Skip, Work, attempt, reason_of
from rsc_bench.harness.record import Case, Record
from rsc_bench.harness.results import ResultsError
from rsc_bench.suites import clocks, graphs, operands, products
from rsc_bench.suites.asked import DTYPES
from rsc_bench.suites.kernels import Catalog
from rsc_bench.suites.progress import Progress
from rsc_bench.suites.replay import REPLAY
from rsc_bench.suites.session import AnySetting, Rounds, Session
from rsc_bench.suites.slowness import slowed
from rsc_bench.suites.sweep import Setting


def ready(setting: Setting, catalog: Catalog, data_root: Path | None) -> Callable[[], products.SpmmWork]:
    """Make the operands of a case, tune and return what prepares its kernel; raises `Skip` where it cannot be done here."""
    reason = catalog.why_not(setting.choice)
    if reason is not None:
        raise Skip(reason)
    graph = graphs.load(setting.graph, data_root, setting.reorder)
    product = operands.Product(graph, setting.width, DTYPES[setting.dtype], setting.reduce, setting.device)
    return products.ready(product, catalog.build(setting.choice, setting.budget))


FAULT_STATUS = 3
"""Exit status of a session that a CUDA fault has ended (docs/decisions/cuda-fault.md)."""


@dataclass(frozen=True)
class Runner:
    """What a suite's test calls: one case, in one round when measuring."""

    session: Session
    setting: AnySetting
    request: pytest.FixtureRequest
    rounds: Rounds | None = None
    """The results file; None: check only."""
    progress: Progress | None = None
    round_index: int = 0

    def __call__(self) -> None:
        """Check the case; when measuring, also time it, and fail or skip the test as its record says."""
        if self.rounds is not None:
            self._measure(self.rounds)
            return
        try:
            self._check()
        except Exception as error:
            self._stop_after_a_fault(reason_of(error))
            raise

    def _ready(self) -> Callable[[], Work]:
        assert isinstance(self.setting, Setting), "trainings have a runner of their own"
        asked, clock = self.session.asked, clocks.CLOCKS[self.setting.clock]
        prepare = ready(self.setting, self.session.catalog, asked.data_root)
        slow_down = asked.slow_down
        return prepare if slow_down is None else lambda: slowed(prepare(), slow_down, clock)

    def _check(self) -> None:
        try:
            work = self._ready()()
            for _ in range(2):
                work.check(work())
        except Skip as reason:
            pytest.skip(str(reason))

    def _record(self, case: Case) -> Record:
        return attempt(case, self._ready, clocks.CLOCKS[case.clock], self.session.limits)

    def _measure(self, rounds: Rounds) -> None:
        case = self.setting.case()
        record = self._record(case)
        try:
            rounds.append(record, self.round_index)
        except ResultsError as error:  # a full disk: every case to come would be measured for nothing
            pytest.exit(str(error), returncode=2)
        if self.progress is not None:
            self.progress.note(record, self.round_index, rounds.indices[-1])
        if record.status == "failed":
            self._stop_after_a_fault(record.reason or "")
        self._judge(record)
        if self.round_index == rounds.indices[-1]:
            benchmark = self.request.getfixturevalue("benchmark")
            names = (case.graph_as_run, case.model, f"d={case.width}", case.dtype, case.device)
            benchmark.group = " ".join([name for name in names if name] + [case.clock] * (case.clock != "host"))
            benchmark.extra_info.update(kernel=case.kernel, budget=case.budget, clock=case.clock, results=str(rounds.path))
            REPLAY.show(benchmark, rounds.samples(case))

    def _stop_after_a_fault(self, reason: str) -> None:
        """End the session where the failed case has left a GPU that no later case can use; else free what it held."""
        if self.setting.device == "cpu":
            return
        operands.forget()
        fault = faults.fault(self.setting.device)
        if fault is not None:
            remedy = "leave it out with -k to check the others"
            if self.rounds is not None:
                remedy = f"run the same command again with --results {self.rounds.path} for the cases to come"
            message = f"{self.setting.case()}: {reason}: the GPU can do nothing more in this process ({fault}): {remedy}"
            pytest.exit(message, returncode=FAULT_STATUS)

    def _judge(self, record: Record) -> None:
        if record.status == "skipped":
            pytest.skip(record.reason or "")
        if record.status != "ok":
            pytest.fail(f"{record.case}: {record.status}: {record.reason}", pytrace=False)
