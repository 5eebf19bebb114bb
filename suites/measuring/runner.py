"""Runs one case, a product or a training: checks it or measures it, and passes, skips or fails its test accordingly."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import pytest

from rsc_bench.harness.measure.attempt import reason_of
from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.file import ResultsError
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.itself.sweep import HarnessSetting
from rsc_bench.suites.measuring.bench import SuiteSetting
from rsc_bench.suites.measuring.session import Rounds, Session
from rsc_bench.suites.measuring.workers import CannotStart
from rsc_bench.suites.terminal.progress import Epoch, Progress
from rsc_bench.suites.terminal.summary import STATUS
from rsc_bench.text import shown

FAULT_STATUS = 3
"""Exit status of a session that a CUDA fault has ended: no later case could run in its process."""


@dataclass(frozen=True)
class Runner:
    """What a suite's test calls: one case, in one round when measuring."""

    session: Session
    setting: SuiteSetting
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
        wrong = None
        try:
            self.session.bench.check(self.setting)
        except Skip as skip:
            pytest.skip(shown(str(skip)))
        except Wrong as error:
            wrong = error
        except Exception as error:
            self._stop_after_a_fault(reason_of(error), "leave it out with -k to check the others")
            raise
        if wrong is not None:  # not in the handler, where pytest would print it twice
            self._note_status("wrong")
            pytest.fail(shown(f"{self.setting.case()}: wrong: {wrong}"), pytrace=False)

    def _measure(self, rounds: Rounds) -> None:
        case = self.setting.case()
        try:
            start = monotonic()
            record = self._record(rounds)
            rounds.account.add(record, monotonic() - start)
            rounds.append(record, self.round_index)
        except (CannotStart, ResultsError) as error:  # a full disk, say: every case to come would be measured for nothing
            pytest.exit(str(error), returncode=2)
        if self.progress is not None:
            self.progress.note(record, self.round_index, rounds.indices[-1])
        if record.status == "failed" and rounds.workers is None:
            remedy = f"run the same command again with --results {rounds.path} for the cases to come"
            self._stop_after_a_fault(record.reason or "", remedy)
        self._judge(record)
        if self.round_index == rounds.last_of(self.setting):
            self._show(case, rounds)

    def _record(self, rounds: Rounds) -> Record:
        if isinstance(self.setting, HarnessSetting):
            return rounds.itself.record(self.setting, self._wait)
        if rounds.workers is None:
            return self.session.bench.record(self.setting, self._follow)
        return rounds.workers.record(self.setting, self._follow, self._wait)

    def _show(self, case: Case, rounds: Rounds) -> None:
        """Put the samples of all rounds into pytest-benchmark's table."""
        benchmark = self.request.getfixturevalue("benchmark")
        kept = case.freed_memory and f"freed_memory={case.freed_memory}"
        aggregation = case.reduce * (case.reduce != "sum")
        width = case.width and f"d={case.width}"
        names = (case.graph_as_run, case.model, width, case.dtype, case.device, aggregation, kept)
        benchmark.group = " ".join([name for name in names if name] + [case.clock] * (case.clock != "host"))
        benchmark.extra_info.update(kernel=case.kernel, budget=case.budget, clock=case.clock, results=str(rounds.path))
        rounds.timer.show(benchmark, rounds.samples(case))

    def _stop_after_a_fault(self, reason: str, remedy: str) -> None:
        """End the session where the failed case has left a GPU that no later case can use in this process."""
        fault = self.session.bench.fault(self.setting)
        if fault is not None:
            message = f"{self.setting.case()}: {shown(reason)}: the GPU can do nothing more in this process ({fault}): {remedy}"
            pytest.exit(message, returncode=FAULT_STATUS)

    def _judge(self, record: Record) -> None:
        reason = shown(record.reason or "")
        if record.status == "skipped":
            pytest.skip(reason)
        if record.status != "ok":
            self._note_status(record.status)
            pytest.fail(f"{record.case}: {record.status}: {reason}", pytrace=False)

    def _note_status(self, status: str) -> None:
        """Note it for what is said of all tests at the end."""
        self.request.node.user_properties.append((STATUS, status))

    def _follow(self, epoch: Epoch) -> None:
        if self.progress is not None:
            self.progress.follow(self.setting.case(), epoch)

    def _wait(self, seconds: float) -> None:
        if self.progress is not None:
            self.progress.wait(self.setting.case(), seconds)
