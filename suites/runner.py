"""Runs one case, a product or a training: checks it or measures it, and passes, skips or fails its test accordingly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rsc_bench.harness.measure.attempt import attempt, reason_of
from rsc_bench.harness.measure.gpu import faults
from rsc_bench.harness.measure.work import Skip, Work
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.measurement import Measurement
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import devices
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.progress import Epoch, Progress
from rsc_bench.suites.session import AnySetting, Rounds, Session
from rsc_bench.suites.spmm import work as products
from rsc_bench.suites.spmm.slowness import slowed
from rsc_bench.suites.spmm.sweep import Setting
from rsc_bench.suites.training.sweep import TrainingSetting

FAULT_STATUS = 3
"""Exit status of a session that a CUDA fault has ended: no later case could run in its process."""


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
    fault: Callable[[str], str | None] = faults.fault
    """Returns the error that a GPU keeps answering after a failure; None where it works."""

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
        clock, slow_down = devices.clock(self.setting.clock), self.session.options.slow_down
        prepare = products.from_setting(self.setting, self.session.catalog, self.session.store)
        return prepare if slow_down is None else lambda: slowed(prepare(), slow_down, clock)

    def _check(self) -> None:
        try:
            work = self._ready()()
            for _ in range(2):
                work.check(work())
        except Skip as reason:
            pytest.skip(str(reason))

    def _record(self, case: Case) -> Record:
        return attempt(case, self._ready, devices.clock(case.clock), self.session.limits)

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
            self._show(case, rounds)

    def _show(self, case: Case, rounds: Rounds) -> None:
        """Put the samples of all rounds into pytest-benchmark's table."""
        benchmark = self.request.getfixturevalue("benchmark")
        names = (case.graph_as_run, case.model, f"d={case.width}", case.dtype, case.device)
        benchmark.group = " ".join([name for name in names if name] + [case.clock] * (case.clock != "host"))
        benchmark.extra_info.update(kernel=case.kernel, budget=case.budget, clock=case.clock, results=str(rounds.path))
        rounds.timer.show(benchmark, rounds.samples(case))

    def _stop_after_a_fault(self, reason: str) -> None:
        """End the session where the failed case has left a GPU that no later case can use; else free its memory."""
        if self.setting.device == "cpu":
            return
        self.session.store.operands.free_gpu()
        fault = self.fault(self.setting.device)
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


@dataclass(frozen=True)
class TrainingRunner(Runner):
    """What the training suite's test calls; `training.run` needs PyTorch Geometric and is imported when a training begins."""

    def _record(self, case: Case) -> Record:
        reason = self._why_not()
        if reason is not None:
            return Record(case=case, status="skipped", reason=reason)
        from rsc_bench.suites.training import run as training

        self.session.store.operands.free_gpu()  # of products before: it would count as memory of the training
        return training.attempt(case, lambda: self._train(case))

    def _train(self, case: Case) -> Measurement:
        from rsc_bench.suites.training import run as training

        return training.train(self._training, self._graph(), self.session.catalog, lambda epoch: self._follow(case, epoch))

    def _check(self) -> None:
        reason = self._why_not()
        if reason is not None:
            pytest.skip(reason)
        from rsc_bench.suites.training import run as training

        try:
            training.check(self._training, self._graph(), self.session.catalog)
        except Skip as skipped:
            pytest.skip(str(skipped))

    @property
    def _training(self) -> TrainingSetting:
        assert isinstance(self.setting, TrainingSetting)
        return self.setting

    def _why_not(self) -> str | None:
        return self._training.model.why_not() or self.session.catalog.why_not(self.setting.choice)

    def _graph(self) -> Graph:
        return self.session.store.graph(self.setting.graph, self.setting.reorder)

    def _follow(self, case: Case, epoch: Epoch) -> None:
        if self.progress is not None:
            self.progress.follow(case, epoch)
