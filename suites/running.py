"""Runs one case: checks it, and when measuring, into the results file and pytest-benchmark's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.measure import Skip, attempt
from harness.record import Case, Record
from harness.results import ResultsError
from suites import graphs, products
from suites.asked import DTYPES
from suites.progress import Progress
from suites.replay import REPLAY
from suites.session import AnySetting, Rounds, Session
from suites.sweep import Setting


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
        if self.rounds is None:
            self._check()
        else:
            self._measure(self.rounds)

    def _ready(self) -> Callable[[], products.SpmmWork]:
        setting, session = self.setting, self.session
        assert isinstance(setting, Setting), "trainings have a runner of their own"
        reason = session.catalog.why_not(setting.choice)
        if reason is not None:
            raise Skip(reason)
        graph = graphs.load(setting.graph, session.asked.data_root)
        product = products.Product(graph, setting.width, DTYPES[setting.dtype], setting.reduce, setting.device)
        kernel = session.catalog.build(setting.choice, setting.budget)
        products.make_operands(product)
        return lambda: products.work(product, kernel)

    def _check(self) -> None:
        try:
            work = self._ready()()
        except Skip as reason:
            pytest.skip(str(reason))
        for _ in range(2):
            work.check(work())

    def _record(self, case: Case) -> Record:
        return attempt(case, self._ready, self.session.clock, self.session.limits)

    def _measure(self, rounds: Rounds) -> None:
        case = self.session.case(self.setting)
        record = self._record(case)
        try:
            rounds.append(record, self.round_index)
        except ResultsError as error:  # a full disk: every case to come would be measured for nothing
            pytest.exit(str(error), returncode=2)
        if self.progress is not None:
            self.progress.note(record, self.round_index, rounds.indices[-1])
        self._judge(record)
        if self.round_index == rounds.indices[-1]:
            benchmark = self.request.getfixturevalue("benchmark")
            benchmark.group = " ".join(filter(None, (case.graph, case.model, f"d={case.width}", case.dtype, case.device)))
            benchmark.extra_info.update(kernel=case.kernel, budget=case.budget, clock=case.clock, results=str(rounds.path))
            REPLAY.show(benchmark, rounds.samples(case))

    def _judge(self, record: Record) -> None:
        if record.status == "skipped":
            pytest.skip(record.reason or "")
        if record.status != "ok":
            pytest.fail(f"{record.case}: {record.status}: {record.reason}", pytrace=False)
